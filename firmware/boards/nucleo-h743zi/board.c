/* SPDX-License-Identifier: Apache-2.0 */
/* Nucleo-H743ZI: supply, clocks and pins (ST RM0433, chapters 4 FLASH, 6 PWR, 8 RCC, 11 GPIO). Its debugger feeds 8 MHz into
   OSC_IN and carries USART3. Registers touched here: PWR CR3, CSR1, D3CR; RCC CR, CFGR, D1CFGR, D2CFGR, D3CFGR, PLLCKSELR,
   PLLCFGR, PLL1DIVR, AHB4ENR, APB1LENR; FLASH ACR; GPIOD MODER, OSPEEDR, PUPDR, AFRH. */
#include "board.h"

#include "cortex_m.h"
#include "cortex_m7_caches.h"
#include "usart.h"

#define PWR_CSR1 REGISTER(0x58024804u)
#define PWR_CR3 REGISTER(0x5802480Cu)
#define PWR_D3CR REGISTER(0x58024818u)
#define RCC_CR REGISTER(0x58024400u)
#define RCC_CFGR REGISTER(0x58024410u)
#define RCC_D1CFGR REGISTER(0x58024418u)
#define RCC_D2CFGR REGISTER(0x5802441Cu)
#define RCC_D3CFGR REGISTER(0x58024420u)
#define RCC_PLLCKSELR REGISTER(0x58024428u)
#define RCC_PLLCFGR REGISTER(0x5802442Cu)
#define RCC_PLL1DIVR REGISTER(0x58024430u)
#define RCC_AHB4ENR REGISTER(0x580244E0u)
#define RCC_APB1LENR REGISTER(0x580244E8u)
#define FLASH_ACR REGISTER(0x52002000u)
#define GPIOD_MODER REGISTER(0x58020C00u)
#define GPIOD_OSPEEDR REGISTER(0x58020C08u)
#define GPIOD_PUPDR REGISTER(0x58020C0Cu)
#define GPIOD_AFRH REGISTER(0x58020C24u)

enum {
    HSI_HZ = 64000000,
    HSE_HZ = 8000000,
    PLL_INPUT_HZ = 4000000,
    PLL_N = 200,
    PLL_P = 2,
    CORE_HZ = PLL_INPUT_HZ * PLL_N / PLL_P,

    CR3_LDO_ALONE = 1 << 1,
    CSR1_ACTVOSRDY = 1 << 13,
    D3CR_VOS1 = 3 << 14,
    D3CR_VOSRDY = 1 << 13,
    CR_HSEON = 1 << 16,
    CR_HSERDY = 1 << 17,
    CR_HSEBYP = 1 << 18,
    CR_PLL1ON = 1 << 24,
    CR_PLL1RDY = 1 << 25,
    PLLCKSELR_HSE = 2 << 0,
    PLLCFGR_4_TO_8_MHZ = 2 << 2,
    PLLCFGR_P_ON = 1 << 16,
    D1CFGR_AHB_BY_2_APB3_BY_2 = 8 << 0 | 4 << 4,
    D2CFGR_APB1_APB2_BY_2 = 4 << 4 | 4 << 8,
    D3CFGR_APB4_BY_2 = 4 << 4,
    ACR_WRITES_AT_200_MHZ = 2 << 4,
    CFGR_SOURCE_PLL1 = 3 << 0,
    CFGR_RUNS_ON_PLL1 = 3 << 3,
    CFGR_SOURCE_STATUS = 7 << 3,
    GPIOD_CLOCK = 1 << 3,
    USART3_CLOCK = 1 << 18,
};

_Static_assert(CORE_HZ == BOARD_CLOCK_HZ, "board.toml and the PLL settings give different clocks");

const char board_name[] = BOARD_NAME;
static uint32_t clock_hz = HSI_HZ;
static uint32_t apb1_hz = HSI_HZ;

/* 400 MHz needs the core supply at its scale 1. */
static bool start_supply(void)
{
    PWR_CR3 = CR3_LDO_ALONE;
    if (!becomes(&PWR_CSR1, CSR1_ACTVOSRDY, CSR1_ACTVOSRDY)) {
        return false;
    }
    PWR_D3CR = D3CR_VOS1;
    return becomes(&PWR_D3CR, D3CR_VOSRDY, D3CR_VOSRDY);
}

/* 400 MHz from the debugger's 8 MHz, or from the internal oscillator without them; 64 MHz without a PLL. */
static void start_clocks(void)
{
    uint32_t source = PLLCKSELR_HSE | HSE_HZ / PLL_INPUT_HZ << 4;
    RCC_CR |= CR_HSEBYP;
    RCC_CR |= CR_HSEON;
    if (!becomes(&RCC_CR, CR_HSERDY, CR_HSERDY)) {
        source = HSI_HZ / PLL_INPUT_HZ << 4;
    }
    RCC_PLLCKSELR = source;
    RCC_PLLCFGR = PLLCFGR_4_TO_8_MHZ | PLLCFGR_P_ON;
    RCC_PLL1DIVR = (PLL_N - 1) | (PLL_P - 1) << 9;
    RCC_CR |= CR_PLL1ON;
    if (!start_supply() || !becomes(&RCC_CR, CR_PLL1RDY, CR_PLL1RDY)) {
        return;
    }
    FLASH_ACR = ACR_WRITES_AT_200_MHZ | BOARD_FLASH_WAIT_STATES;
    RCC_D1CFGR = D1CFGR_AHB_BY_2_APB3_BY_2;
    RCC_D2CFGR = D2CFGR_APB1_APB2_BY_2;
    RCC_D3CFGR = D3CFGR_APB4_BY_2;
    RCC_CFGR = CFGR_SOURCE_PLL1;
    apb1_hz = HSI_HZ / 4;
    if (becomes(&RCC_CFGR, CFGR_SOURCE_STATUS, CFGR_RUNS_ON_PLL1)) {
        clock_hz = CORE_HZ;
        apb1_hz = CORE_HZ / 4;
    }
}

/* PD8 sends, PD9 receives with a pull-up: alternate function 7. */
static void start_pins(void)
{
    RCC_AHB4ENR |= GPIOD_CLOCK;
    RCC_APB1LENR |= USART3_CLOCK;
    GPIOD_OSPEEDR |= 2u << 16;
    GPIOD_PUPDR |= 1u << 18;
    GPIOD_AFRH = (GPIOD_AFRH & ~0xFFu) | 0x77u;
    GPIOD_MODER = (GPIOD_MODER & ~(0xFu << 16)) | 0xAu << 16;
}

void board_start(void)
{
    start_clocks();
    cortex_m7_start_caches();
    start_pins();
    usart_start(apb1_hz);
}

uint32_t board_clock_hz(void)
{
    return clock_hz;
}
