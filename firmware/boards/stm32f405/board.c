/* SPDX-License-Identifier: Apache-2.0 */
/* STM32F405: vector table, clocks, pins (ST RM0090). Registers touched here: RCC CR, PLLCFGR, CFGR, AHB1ENR,
   APB2ENR, CSR; FLASH ACR; GPIOA MODER, OSPEEDR, PUPDR, AFRH. */
#include "board.h"

#include "cortex_m.h"
#include "usart.h"

#define RCC_CR REGISTER(0x40023800u)
#define RCC_PLLCFGR REGISTER(0x40023804u)
#define RCC_CFGR REGISTER(0x40023808u)
#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB2ENR REGISTER(0x40023844u)
#define RCC_CSR REGISTER(0x40023874u)
#define FLASH_ACR REGISTER(0x40023C00u)
#define GPIOA_MODER REGISTER(0x40020000u)
#define GPIOA_OSPEEDR REGISTER(0x40020008u)
#define GPIOA_PUPDR REGISTER(0x4002000Cu)
#define GPIOA_AFRH REGISTER(0x40020024u)

enum {
    HSI_HZ = 16000000,
    HSE_HZ = 8000000,
    PLL_INPUT_HZ = 1000000,
    PLL_N = 336,
    PLL_P = 2,
    PLL_Q = 7,
    CORE_HZ = PLL_INPUT_HZ * PLL_N / PLL_P,

    CR_HSEON = 1 << 16,
    CR_HSERDY = 1 << 17,
    CR_PLLON = 1 << 24,
    CR_PLLRDY = 1 << 25,
    PLLCFGR_SOURCE_HSE = 1 << 22,
    CFGR_SOURCE_PLL = 2 << 0,
    CFGR_RUNS_ON_PLL = 2 << 2,
    CFGR_SOURCE_STATUS = 3 << 2,
    CFGR_APB1_BY_4 = 5 << 10,
    CFGR_APB2_BY_2 = 4 << 13,
    ACR_PREFETCH_AND_CACHES = 7 << 8,
    GPIOA_CLOCK = 1 << 0,
    USART1_CLOCK = 1 << 4,

    CSR_CLEAR_FLAGS = 1 << 24,
    CSR_PIN = 1 << 26,
    CSR_POWER = 1 << 27,
    CSR_SOFTWARE = 1 << 28,
    CSR_INDEPENDENT_WATCHDOG = 1 << 29,

    READY_POLLS = 20000, /* 10 ms at 16 MHz; a crystal takes 2 ms to start (DS8626) */
};

_Static_assert(CORE_HZ == BOARD_CLOCK_HZ, "board.toml and the PLL settings give different clocks");

const char board_name[] = BOARD_NAME;
static uint32_t clock_hz = HSI_HZ;
static uint32_t apb2_hz = HSI_HZ;
static uint32_t reset_flags;

static const union {
    void *stack;
    interrupt_handler handler;
} vectors[16 + 82] __attribute__((section(".vectors"), used)) = {
    [0] = {.stack = __stack_top},
    [1] = {.handler = reset_handler},
    [2 ... 15] = {.handler = stop_handler},
    [16 ... 16 + BOARD_USART_IRQ - 1] = {.handler = stop_handler},
    [16 + BOARD_USART_IRQ] = {.handler = usart_handler},
    [16 + BOARD_USART_IRQ + 1 ... 16 + 81] = {.handler = stop_handler},
};

static bool becomes(const volatile uint32_t *state, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = 0; polls < READY_POLLS; polls++) {
        if ((*state & mask) == value) {
            return true;
        }
    }
    return false;
}

/* 168 MHz from the crystal, or from the internal oscillator where no crystal starts; 16 MHz without a
   PLL when that does not lock either. */
static void start_clocks(void)
{
    uint32_t source = PLLCFGR_SOURCE_HSE | HSE_HZ / PLL_INPUT_HZ;
    RCC_CR |= CR_HSEON;
    if (!becomes(&RCC_CR, CR_HSERDY, CR_HSERDY)) {
        source = HSI_HZ / PLL_INPUT_HZ;
    }
    RCC_PLLCFGR = source | PLL_N << 6 | (PLL_P / 2 - 1) << 16 | PLL_Q << 24;
    RCC_CR |= CR_PLLON;
    if (!becomes(&RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return;
    }
    FLASH_ACR = ACR_PREFETCH_AND_CACHES | BOARD_FLASH_WAIT_STATES;
    RCC_CFGR = CFGR_APB1_BY_4 | CFGR_APB2_BY_2 | CFGR_SOURCE_PLL;
    if (becomes(&RCC_CFGR, CFGR_SOURCE_STATUS, CFGR_RUNS_ON_PLL)) {
        clock_hz = CORE_HZ;
        apb2_hz = CORE_HZ / 2;
    }
}

/* PA9 sends, PA10 receives with a pull-up: alternate function 7. */
static void start_pins(void)
{
    RCC_AHB1ENR |= GPIOA_CLOCK;
    RCC_APB2ENR |= USART1_CLOCK;
    GPIOA_OSPEEDR |= 2u << 18;
    GPIOA_PUPDR |= 1u << 20;
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 18)) | 0xAu << 18;
}

void board_start(void)
{
    reset_flags = RCC_CSR;
    RCC_CSR = reset_flags | CSR_CLEAR_FLAGS;
    start_clocks();
    start_pins();
    usart_start(apb2_hz);
}

uint32_t board_clock_hz(void)
{
    return clock_hz;
}

/* Every reset pulls the pin, too, so that its flag counts last (RM0090, 7.3.21). */
enum board_reset_cause board_reset_cause(void)
{
    if (reset_flags & CSR_INDEPENDENT_WATCHDOG) {
        return RESET_WATCHDOG;
    }
    if (reset_flags & CSR_SOFTWARE) {
        return RESET_SOFTWARE;
    }
    if (reset_flags & CSR_POWER) {
        return RESET_POWER;
    }
    return reset_flags & CSR_PIN ? RESET_PIN : RESET_UNKNOWN;
}
