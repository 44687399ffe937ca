/* SPDX-License-Identifier: Apache-2.0 */
/* The first USART of the STM32: F1, F2, F4, L1 (RM0090, chapter 30). Registers touched: SR, DR, BRR, CR1. */
#include "board.h"
#include "cortex_m.h"
#include "receive_ring.h"
#include "usart.h"

#define SR REGISTER(BOARD_USART_BASE + 0x00u)
#define DR REGISTER(BOARD_USART_BASE + 0x04u)
#define BRR REGISTER(BOARD_USART_BASE + 0x08u)
#define CR1 REGISTER(BOARD_USART_BASE + 0x0Cu)

enum {
    SR_ORE = 1 << 3,
    SR_RXNE = 1 << 5,
    SR_TC = 1 << 6,
    SR_TXE = 1 << 7,
    CR1_RE = 1 << 2,
    CR1_TE = 1 << 3,
    CR1_RXNEIE = 1 << 5,
    CR1_UE = 1 << 13,
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

void usart_handler(void)
{
    uint32_t state = SR;
    while (state & (SR_RXNE | SR_ORE) && receive_ring_has_room()) {
        if (state & SR_ORE) {
            receive_ring_count_loss();
        }
        receive_ring_put((uint8_t)DR);
        state = SR;
    }
}

void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        while (!(SR & SR_TXE)) {
        }
        DR = bytes[i];
    }
}

void usart_flush(void)
{
    while (!(SR & SR_TC)) {
    }
}
