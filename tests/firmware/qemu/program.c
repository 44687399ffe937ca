/* SPDX-License-Identifier: Apache-2.0 */
/* A kernel as a bare program: from reset to `run`, which infers all of `codes`, and out by semihosting. */
#include "net.h"
#include "codes.h"

extern uint32_t stack_top[];
void reset_handler(void);
void run(void);
int16_t actions[OBSERVATIONS][NET_ACTIONS];

__attribute__((section(".vectors"), used)) static void *const vectors[16] = {stack_top, (void *)reset_handler};

__attribute__((noinline)) void run(void)
{
    unsigned i;
    for (i = 0; i < OBSERVATIONS; i++) {
        net_infer_codes(codes[i], actions[i]);
    }
}

void reset_handler(void)
{
    run();
    register uint32_t operation __asm__("r0") = 0x18;  /* SYS_EXIT */
    register uint32_t reason __asm__("r1") = 0x20026; /* ADP_Stopped_ApplicationExit */
    __asm__ volatile("bkpt 0xab" ::"r"(operation), "r"(reason) : "memory");
    for (;;) {
    }
}
