/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port with a receive ring fed by its interrupt. One driver per family of USARTs implements it,
   with board_receive, board_lost_bytes, board_send and board_wait of board.h. The board defines
   BOARD_USART_BASE, BOARD_USART_IRQ and BOARD_BAUD. */
#ifndef USART_H
#define USART_H

#include <stdint.h>

/* 8 data bits, no parity, 1 stop bit; `clock_hz` is the bus clock that feeds the port. */
void usart_start(uint32_t clock_hz);

void usart_handler(void);

/* Returns when the last byte has left the shift register. */
void usart_flush(void);

#endif
