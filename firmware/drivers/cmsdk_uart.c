/* SPDX-License-Identifier: Apache-2.0 */
/* The APB UART of ARM's Cortex-M System Design Kit (ARM DDI 0479D, section 4.3), on the MPS2 and MPS3 boards. Registers
   touched: DATA, STATE, CTRL, INTCLEAR, BAUDDIV. */
#include "board.h"
#include "cortex_m.h"
#include "receive_ring.h"
#include "usart.h"

#define DATA REGISTER(BOARD_USART_BASE + 0x00u)
#define STATE REGISTER(BOARD_USART_BASE + 0x04u)
#define CTRL REGISTER(BOARD_USART_BASE + 0x08u)
#define INTCLEAR REGISTER(BOARD_USART_BASE + 0x0Cu)
#define BAUDDIV REGISTER(BOARD_USART_BASE + 0x10u)

enum {
    STATE_TX_FULL = 1 << 0,
    STATE_RX_FULL = 1 << 1,
    STATE_RX_OVERRUN = 1 << 3,
    CTRL_TX = 1 << 0,
    CTRL_RX = 1 << 1,
    CTRL_RX_INTERRUPT = 1 << 3,
    CTRL_QUIET = CTRL_TX | CTRL_RX,
    CTRL_LISTENING = CTRL_QUIET | CTRL_RX_INTERRUPT,
    INT_RX = 1 << 1,
    SMALLEST_DIVIDER = 16,
    BITS_PER_BYTE = 10,
};

void usart_start(uint32_t clock_hz)
{
    const uint32_t divider = (clock_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    CTRL = 0;
    BAUDDIV = divider < SMALLEST_DIVIDER ? SMALLEST_DIVIDER : divider;
    CTRL = CTRL_LISTENING;
    enable_interrupt(BOARD_USART_IRQ);
}

void usart_listen(bool on)
{
    CTRL = on ? CTRL_LISTENING : CTRL_QUIET;
    if (on) {
        pend_interrupt(BOARD_USART_IRQ); /* a byte that came before raises none */
    }
}

/* The interrupt is an event: it is cleared before the byte is taken, so that the next one counts. */
void usart_handler(void)
{
    INTCLEAR = INT_RX;
    while (STATE & STATE_RX_FULL && receive_ring_has_room()) {
        if (STATE & STATE_RX_OVERRUN) {
            STATE = STATE_RX_OVERRUN;
            receive_ring_count_loss();
        }
        receive_ring_put((uint8_t)DATA);
    }
}

void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (STATE & STATE_TX_FULL) {
        }
        DATA = bytes[i];
    }
}

/* The port does not tell when its shift register is empty: a byte's time, each read takes a cycle at least. */
void usart_flush(void)
{
    while (STATE & STATE_TX_FULL) {
    }
    for (uint32_t cycles = BAUDDIV * BITS_PER_BYTE; cycles != 0; cycles--) {
        (void)STATE;
    }
}
