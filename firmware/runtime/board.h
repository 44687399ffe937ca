/* SPDX-License-Identifier: Apache-2.0 */
/* What the runtime asks of a board. Drivers and boards implement it; tests implement it on the host. */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

extern const char board_name[];

/* Clocks, pins, serial port, cycle counter. Called once, before anything else here. */
void board_start(void);

/* Core clock as it really runs, after board_start. */
uint32_t board_clock_hz(void);

/* Free-running core cycles, modulo 2^32; constant where the core cannot count. */
uint32_t board_cycles(void);

/* Takes the oldest received byte; false when there is none. */
bool board_receive(uint8_t *byte);

/* Bytes that arrived and were lost before board_receive could take them. */
uint32_t board_lost_bytes(void);

/* Returns when the bytes are on their way; the buffer may be reused then. */
void board_send(const uint8_t *bytes, size_t count);

/* Sleeps until a byte has arrived; returns at once when one is waiting. */
void board_wait(void);

/* Starts the board afresh once everything sent has left it. */
void board_reset(void);

#endif
