/* SPDX-License-Identifier: Apache-2.0 */
/* The UART of the nRF51 and, as its legacy port, of the nRF52 (nRF51 Series Reference Manual v3.0, chapter 29; nRF52840
   Product Specification v1.7, section 6.33). It holds six received bytes. Registers touched: TASKS_STARTRX, TASKS_STARTTX,
   EVENTS_RXDRDY, EVENTS_TXDRDY, INTENSET, INTENCLR, ERRORSRC, ENABLE, RXD, TXD, BAUDRATE, CONFIG. */
#include "board.h"
#include "cortex_m.h"
#include "receive_ring.h"
#include "usart.h"

#define TASKS_STARTRX REGISTER(BOARD_USART_BASE + 0x000u)
#define TASKS_STARTTX REGISTER(BOARD_USART_BASE + 0x008u)
#define EVENTS_RXDRDY REGISTER(BOARD_USART_BASE + 0x108u)
#define EVENTS_TXDRDY REGISTER(BOARD_USART_BASE + 0x11Cu)
#define INTENSET REGISTER(BOARD_USART_BASE + 0x304u)
#define INTENCLR REGISTER(BOARD_USART_BASE + 0x308u)
#define ERRORSRC REGISTER(BOARD_USART_BASE + 0x480u)
#define ENABLE REGISTER(BOARD_USART_BASE + 0x500u)
#define RXD REGISTER(BOARD_USART_BASE + 0x518u)
#define TXD REGISTER(BOARD_USART_BASE + 0x51Cu)
#define BAUDRATE REGISTER(BOARD_USART_BASE + 0x524u)
#define CONFIG REGISTER(BOARD_USART_BASE + 0x56Cu)

enum { ENABLED = 4, RXDRDY = 1 << 2, OVERRUN = 1 << 0 };

/* The manuals list these; the port works from 16 MHz whatever the core does. */
#if BOARD_BAUD == 115200u
#define BAUD_SETTING 0x01D7E000u
#elif BOARD_BAUD == 921600u
#define BAUD_SETTING 0x0EBED000u
#else
#error "the nRF's manual has no setting for this baud rate that is entered here"
#endif

void usart_start(uint32_t clock_hz)
{
    (void)clock_hz;
    BAUDRATE = BAUD_SETTING;
    CONFIG = 0;
    ENABLE = ENABLED;
    TASKS_STARTTX = 1;
    TASKS_STARTRX = 1;
    INTENSET = RXDRDY;
    enable_interrupt(BOARD_USART_IRQ);
}

void usart_listen(bool on)
{
    if (on) {
        INTENSET = RXDRDY;
    } else {
        INTENCLR = RXDRDY;
    }
}

/* Reading RXD brings the next byte, and with it the next event. */
void usart_handler(void)
{
    while (EVENTS_RXDRDY && receive_ring_has_room()) {
        EVENTS_RXDRDY = 0;
        receive_ring_put((uint8_t)RXD);
    }
    if (ERRORSRC & OVERRUN) {
        ERRORSRC = OVERRUN;
        receive_ring_count_loss();
    }
}

/* TXD takes a byte once the one before has gone, so board_send leaves with the line idle. */
void board_send(const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        EVENTS_TXDRDY = 0;
        TXD = bytes[i];
        while (!EVENTS_TXDRDY) {
        }
    }
}

void usart_flush(void)
{
}
