/* SPDX-License-Identifier: Apache-2.0 */
/* The second USART of the STM32: F0, F3, F7, G, H, L0, L4, L5, U5 (RM0433, chapter 48; RM0456, chapter 66), with its
   FIFOs off. Registers touched: CR1, BRR, ISR, ICR, RDR, TDR. */
#include "board.h"
#include "cortex_m.h"
#include "receive_ring.h"
#include "usart.h"

#define CR1 REGISTER(BOARD_USART_BASE + 0x00u)
#define BRR REGISTER(BOARD_USART_BASE + 0x0Cu)
#define ISR REGISTER(BOARD_USART_BASE + 0x1Cu)
#define ICR REGISTER(BOARD_USART_BASE + 0x20u)
#define RDR REGISTER(BOARD_USART_BASE + 0x24u)
#define TDR REGISTER(BOARD_USART_BASE + 0x28u)

enum {
    ISR_ORE = 1 << 3,
    ISR_RXNE = 1 << 5,
    ISR_TC = 1 << 6,
    ISR_TXE = 1 << 7,
    ICR_ORECF = 1 << 3,
    CR1_UE = 1 << 0,
    CR1_RE = 1 << 2,
    CR1_TE = 1 << 3,
    CR1_RXNEIE = 1 << 5,
    CR1_QUIET = CR1_UE | CR1_TE | CR1_RE,
    CR1_LISTENING = CR1_QUIET | CR1_RXNEIE,
};

void usart_start(uint32_t clock_hz)
{
    CR1 = 0;
    BRR = (clock_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    CR1 = CR1_LISTENING;
    enable_interrupt(BOARD_USART_IRQ);
}

void usart_listen(bool on)
{
    CR1 = on ? CR1_LISTENING : CR1_QUIET;
}

/* An overrun keeps the byte that was there and loses the one that came. */
void usart_handler(void)
{
    uint32_t state = ISR;
    while (state & (ISR_RXNE | ISR_ORE) && receive_ring_has_room()) {
        if (state & ISR_ORE) {
            ICR = ICR_ORECF;
            receive_ring_count_loss();
        }
        if (state & ISR_RXNE) {
            receive_ring_put((uint8_t)RDR);
        }
        state = ISR;
    }
}

void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (!(ISR & ISR_TXE)) {
        }
        TDR = bytes[i];
    }
}

void usart_flush(void)
{
    while (!(ISR & ISR_TC)) {
    }
}
