/* SPDX-License-Identifier: Apache-2.0 */
/* Raspberry Pi Pico: clocks and pins (RP2040 Datasheet, 2.14 resets, 2.15 clocks, 2.16 XOSC, 2.18 PLL, 2.19 GPIO). Registers
   touched here: RESETS RESET, RESET_DONE; XOSC CTRL, STATUS, STARTUP; PLL_SYS CS, PWR, FBDIV_INT, PRIM; CLOCKS CLK_REF_CTRL,
   CLK_REF_SELECTED, CLK_SYS_CTRL, CLK_SYS_SELECTED, CLK_PERI_CTRL; IO_BANK0 GPIO0_CTRL, GPIO1_CTRL; PADS_BANK0 GPIO1. */
#include "board.h"

#include "cortex_m.h"
#include "usart.h"

#define RESET REGISTER(0x4000C000u)
#define RESET_DONE REGISTER(0x4000C008u)
#define XOSC_CTRL REGISTER(0x40024000u)
#define XOSC_STATUS REGISTER(0x40024004u)
#define XOSC_STARTUP REGISTER(0x4002400Cu)
#define PLL_CS REGISTER(0x40028000u)
#define PLL_PWR REGISTER(0x40028004u)
#define PLL_FBDIV_INT REGISTER(0x40028008u)
#define PLL_PRIM REGISTER(0x4002800Cu)
#define CLK_REF_CTRL REGISTER(0x40008030u)
#define CLK_REF_SELECTED REGISTER(0x40008038u)
#define CLK_SYS_CTRL REGISTER(0x4000803Cu)
#define CLK_SYS_SELECTED REGISTER(0x40008044u)
#define CLK_PERI_CTRL REGISTER(0x40008048u)
#define GPIO0_CTRL REGISTER(0x40014004u)
#define GPIO1_CTRL REGISTER(0x4001400Cu)
#define PAD_GPIO1 REGISTER(0x4001C008u)

enum {
    XOSC_HZ = 12000000,
    PLL_FEEDBACK = 125,
    PLL_POST_1 = 6,
    PLL_POST_2 = 2,
    CORE_HZ = XOSC_HZ * PLL_FEEDBACK / (PLL_POST_1 * PLL_POST_2),
    ROSC_HZ = 6500000, /* typical */

    RESET_IO_BANK0 = 1 << 5,
    RESET_PADS_BANK0 = 1 << 8,
    RESET_PLL_SYS = 1 << 12,
    RESET_UART0 = 1 << 22,
    XOSC_RANGE_1_TO_15_MHZ = 0xAA0,
    XOSC_ENABLE = 0xFAB << 12,
    XOSC_STARTUP_1_MS = 47, /* times 256 periods of 12 MHz */
    PWR_POST_OFF = 1 << 3 | 1 << 2,
    PWR_ON = 1 << 2, /* without the modulator, which has no use */
    CLK_REF_XOSC = 2,
    CLK_SYS_REF = 0,
    CLK_SYS_AUX_PLL = 1,
    CLK_PERI_ON = 1 << 11,
    PAD_INPUT_WITH_PULL_UP = 1 << 6 | 1 << 3 | 1 << 1,
    FUNCTION_UART = 2,
};

#define XOSC_STABLE 0x80000000u
#define PLL_LOCK 0x80000000u

_Static_assert(CORE_HZ == BOARD_CLOCK_HZ, "board.toml and the PLL settings give different clocks");

const char board_name[] = BOARD_NAME;
static uint32_t clock_hz = ROSC_HZ;

static bool take_out_of_reset(uint32_t blocks)
{
    RESET &= ~blocks;
    return becomes(&RESET_DONE, blocks, blocks);
}

static bool start_pll(void)
{
    RESET |= RESET_PLL_SYS;
    if (!take_out_of_reset(RESET_PLL_SYS)) {
        return false;
    }
    PLL_CS = 1;
    PLL_FBDIV_INT = PLL_FEEDBACK;
    PLL_PWR = PWR_POST_OFF;
    if (!becomes(&PLL_CS, PLL_LOCK, PLL_LOCK)) {
        return false;
    }
    PLL_PRIM = PLL_POST_1 << 16 | PLL_POST_2 << 12;
    PLL_PWR = PWR_ON;
    return true;
}

/* 125 MHz from the crystal, or 12 MHz without the PLL. The core may come here with the PLL on, since its own reset leaves the
   clocks as they are: it leaves the PLL first. */
static void start_clocks(void)
{
    CLK_SYS_CTRL = CLK_SYS_REF;
    becomes(&CLK_SYS_SELECTED, 1, 1);
    XOSC_CTRL = XOSC_RANGE_1_TO_15_MHZ;
    XOSC_STARTUP = XOSC_STARTUP_1_MS;
    XOSC_CTRL = XOSC_RANGE_1_TO_15_MHZ | XOSC_ENABLE;
    if (!becomes(&XOSC_STATUS, XOSC_STABLE, XOSC_STABLE)) {
        return;
    }
    CLK_REF_CTRL = CLK_REF_XOSC;
    becomes(&CLK_REF_SELECTED, 1 << CLK_REF_XOSC, 1 << CLK_REF_XOSC);
    clock_hz = XOSC_HZ;
    if (start_pll()) {
        CLK_SYS_CTRL = CLK_SYS_AUX_PLL;
        becomes(&CLK_SYS_SELECTED, 1 << CLK_SYS_AUX_PLL, 1 << CLK_SYS_AUX_PLL);
        clock_hz = CORE_HZ;
    }
}

/* GP0 sends, GP1 receives with a pull-up. */
static void start_pins(void)
{
    CLK_PERI_CTRL = CLK_PERI_ON;
    take_out_of_reset(RESET_IO_BANK0 | RESET_PADS_BANK0 | RESET_UART0);
    PAD_GPIO1 = PAD_INPUT_WITH_PULL_UP;
    GPIO0_CTRL = FUNCTION_UART;
    GPIO1_CTRL = FUNCTION_UART;
}

void board_start(void)
{
    start_clocks();
    start_pins();
    usart_start(clock_hz);
}

uint32_t board_clock_hz(void)
{
    return clock_hz;
}
