/* SPDX-License-Identifier: Apache-2.0 */
/* The first USART of the STM32: F1, F2, F4, L1 (RM0090, chapter 30). Registers touched: SR, DR, BRR, CR1. */
#include "board.h"
#include "cortex_m.h"
#include "systick.h"
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

/* The interrupt writes `head`, the main loop writes `tail`; both wrap with the ring's 256 bytes. */
static volatile uint8_t ring[256];
static volatile uint8_t head, tail;
static volatile uint32_t overruns;
static volatile bool paused;

void usart_start(uint32_t clock_hz)
{
    CR1 = 0;
    BRR = (clock_hz + BOARD_BAUD / 2u) / BOARD_BAUD;
    CR1 = CR1_LISTENING;
    enable_interrupt(BOARD_USART_IRQ);
}

/* Takes all that is there. A full ring leaves the rest in the port and stops listening until
   board_receive has made room: that is flow control where the port has any, an overrun where not. */
void usart_handler(void)
{
    uint32_t state = SR;
    while (state & (SR_RXNE | SR_ORE)) {
        const uint8_t next = (uint8_t)(head + 1u);
        if (next == tail) {
            CR1 = CR1_QUIET;
            paused = true;
            return;
        }
        if (state & SR_ORE) {
            overruns++;
        }
        ring[head] = (uint8_t)DR;
        head = next;
        state = SR;
    }
}

bool board_receive(uint8_t *byte)
{
    const uint8_t at = tail;
    if (at == head) {
        if (paused) {
            paused = false;
            CR1 = CR1_LISTENING;
        }
        return false;
    }
    *byte = ring[at];
    tail = (uint8_t)(at + 1u);
    return true;
}

uint32_t board_lost_bytes(void)
{
    return overruns;
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

void board_wait(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (head == tail) {
        tick_arm();
        __asm__ volatile("dsb\n\twfi" ::: "memory");
        tick_disarm();
    }
    __asm__ volatile("cpsie i" ::: "memory");
}
