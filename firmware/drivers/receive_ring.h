/* SPDX-License-Identifier: Apache-2.0 */
/* The receive ring that every serial driver fills from its interrupt. It implements board_receive, board_lost_bytes
   and board_wait of board.h. */
#ifndef RECEIVE_RING_H
#define RECEIVE_RING_H

#include <stdbool.h>
#include <stdint.h>

/* Makes sure that there is room for a byte. If there is none, it stops listening (usart_listen) until board_receive
   has made some: that is flow control where the port has any, an overrun where not. */
bool receive_ring_has_room(void);

/* Adds a byte; there must be room. */
void receive_ring_put(uint8_t byte);

/* Counts bytes that the port has lost. */
void receive_ring_count_loss(void);

#endif
