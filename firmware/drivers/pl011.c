/* SPDX-License-Identifier: Apache-2.0 */
/* ARM's PrimeCell UART PL011 (ARM DDI 0183G, chapter 3), with its FIFOs off: they hold back the last bytes of a frame for
   32 bit times. Registers touched: UARTDR, UARTFR, UARTIBRD, UARTFBRD, UARTLCR_H, UARTCR, UARTIMSC. */
#include "board.h"
#include "cortex_m.h"
#include "receive_ring.h"
#include "usart.h"

#define UARTDR REGISTER(BOARD_USART_BASE + 0x00u)
#define UARTFR REGISTER(BOARD_USART_BASE + 0x18u)
#define UARTIBRD REGISTER(BOARD_USART_BASE + 0x24u)
#define UARTFBRD REGISTER(BOARD_USART_BASE + 0x28u)
#define UARTLCR_H REGISTER(BOARD_USART_BASE + 0x2Cu)
#define UARTCR REGISTER(BOARD_USART_BASE + 0x30u)
#define UARTIMSC REGISTER(BOARD_USART_BASE + 0x38u)

enum {
    DR_OVERRUN = 1 << 11,
    FR_BUSY = 1 << 3,
    FR_RX_EMPTY = 1 << 4,
    FR_TX_FULL = 1 << 5,
    LCR_8_BITS = 3 << 5,
    CR_ON = 1 << 0 | 1 << 8 | 1 << 9, /* port, transmitter, receiver */
    RX_INTERRUPT = 1 << 4,
};

/* The divider counts 64ths of sixteen bit times: clock * 64 / (16 * baud), rounded. */
void usart_start(uint32_t clock_hz)
{
    const uint32_t divider = (4u * clock_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    UARTCR = 0;
    UARTIBRD = divider >> 6;
    UARTFBRD = divider & 63u;
    UARTLCR_H = LCR_8_BITS;
    UARTIMSC = RX_INTERRUPT;
    UARTCR = CR_ON;
    enable_interrupt(BOARD_USART_IRQ);
}

void usart_listen(bool on)
{
    UARTIMSC = on ? RX_INTERRUPT : 0;
}

/* Reading UARTDR also takes the interrupt back. */
void usart_handler(void)
{
    while (!(UARTFR & FR_RX_EMPTY) && receive_ring_has_room()) {
        const uint32_t data = UARTDR;
        if (data & DR_OVERRUN) {
            receive_ring_count_loss();
        }
        receive_ring_put((uint8_t)data);
    }
}

void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (UARTFR & FR_TX_FULL) {
        }
        UARTDR = bytes[i];
    }
}

void usart_flush(void)
{
    while (UARTFR & FR_BUSY) {
    }
}
