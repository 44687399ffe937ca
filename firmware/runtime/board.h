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

/* Milliseconds since board_tick_start, modulo 2^32: read it more often than every millisecond, what it misses is lost. */
uint32_t board_ms(void);

/* From here on board_wait returns at least every millisecond, too. False where the board cannot tell the time. */
bool board_tick_start(void);

/* Resets the board unless board_watchdog_feed is called at least every `timeout_ms`. False where there is no watchdog. */
bool board_watchdog_start(uint32_t timeout_ms);
void board_watchdog_feed(void);

/* Why the board started; asked once, at the start. Numbered as in docs/protocol.md. */
enum board_reset_cause {
    RESET_UNKNOWN,
    RESET_POWER,
    RESET_PIN,
    RESET_SOFTWARE,
    RESET_WATCHDOG,
    RESET_OTHER,
};
enum board_reset_cause board_reset_cause(void);

/* Takes the codes of every action, the safe one included. A board that drives actuators defines it. */
void board_actuate(const int16_t *codes, size_t count);

/* Starts the board afresh once everything sent has left it. */
void board_reset(void);

#endif
