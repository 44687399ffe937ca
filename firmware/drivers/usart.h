/* SPDX-License-Identifier: Apache-2.0 */
/* A serial port whose interrupt fills the receive ring. One driver per family of ports implements it, with board_send
   of board.h. The board defines BOARD_USART_BASE, BOARD_USART_IRQ and BOARD_BAUD. */
#ifndef USART_H
#define USART_H

#include <stdbool.h>
#include <stdint.h>

/* 8 data bits, no parity, 1 stop bit; `clock_hz` is the clock that feeds the port. */
void usart_start(uint32_t clock_hz);

/* Lets received bytes interrupt, or not. */
void usart_listen(bool on);

void usart_handler(void);

/* Returns when the last byte has left the shift register. */
void usart_flush(void);

#endif
