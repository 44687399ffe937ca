/* SPDX-License-Identifier: Apache-2.0 */
/* Exception entry and return of the M profile (ARMv7-M Architecture Reference Manual, B1.5.6 to B1.5.8), for one
   interrupt at a time: no nesting, no late arrival, no tail chaining, main stack only. The FPU's part of the frame is
   written at entry, where the core reserves it and writes it on the handler's first FPU instruction:
   the memory and registers that a program sees are the same. Entry costs the same with and without it. */
#include "machine.h"

enum {
    BASIC_BYTES = 0x20,
    EXTENDED_BYTES = 0x68,
    SINGLES_WORD = BASIC_BYTES / 4,
    FPSCR_WORD = SINGLES_WORD + 16,
    CONTROL_SPSEL = 1 << 1,
    CONTROL_FPCA = 1 << 2,
    XPSR_REALIGNED = 1 << 9,
    XPSR_EXCEPTION = 0x1FF,
    FIRST_INTERRUPT = 16,
};

#define EXC_RETURN_THREAD_MAIN 0xFFFFFFF9u
#define EXC_RETURN_NO_FLOAT 0x10u

static const int frame_registers[7] = {UC_ARM_REG_R0, UC_ARM_REG_R1,  UC_ARM_REG_R2, UC_ARM_REG_R3,
                                       UC_ARM_REG_R12, UC_ARM_REG_LR, UC_ARM_REG_PC};

static bool interrupt_pending(const struct machine *m)
{
    const uint32_t number = m->config.usart_interrupt;
    if (!nvic_enabled(&m->system.nvic, number) || m->in_handler) {
        return false;
    }
    return nvic_pends(&m->system.nvic, number) || port_interrupts(&m->peripherals.port);
}

/* Something would interrupt; PRIMASK does not matter to WFI. */
bool exceptions_pending(const struct machine *m)
{
    return timer_pends(&m->system.timer) || interrupt_pending(m);
}

/* The interrupt's line is up and the NVIC and PRIMASK let it through. */
bool exceptions_ready(struct machine *m)
{
    if (!exceptions_pending(m) || (core_register(&m->core, UC_ARM_REG_PRIMASK) & 1u)) {
        return false;
    }
    if (timer_pends(&m->system.timer)) {
        core_raise(&m->core, FAULT_UNMODELLED, UNMODELLED_SYSTICK_INTERRUPT, 0);
        return false;
    }
    return true;
}

static void float_registers(struct machine *m, uint32_t frame[], bool save)
{
    for (int i = 0; i < 16; i++) {
        if (save) {
            frame[SINGLES_WORD + i] = core_register(&m->core, UC_ARM_REG_S0 + i);
        } else {
            core_set_register(&m->core, UC_ARM_REG_S0 + i, frame[SINGLES_WORD + i]);
        }
    }
    if (save) {
        frame[FPSCR_WORD] = core_register(&m->core, UC_ARM_REG_FPSCR);
    } else {
        core_set_register(&m->core, UC_ARM_REG_FPSCR, frame[FPSCR_WORD]);
    }
}

void exceptions_enter(struct machine *m)
{
    const uint32_t number = m->config.usart_interrupt;
    const uint32_t control = core_register(&m->core, UC_ARM_REG_CONTROL);
    if (control & CONTROL_SPSEL) {
        core_raise(&m->core, FAULT_UNMODELLED, UNMODELLED_PROCESS_STACK, 0);
        return;
    }
    uint32_t frame[EXTENDED_BYTES / 4] = {0}, handler = 0, vectors = system_vectors(&m->system);
    const bool floats = control & CONTROL_FPCA;
    const uint32_t bytes = floats ? EXTENDED_BYTES : BASIC_BYTES;
    const uint32_t old = core_register(&m->core, UC_ARM_REG_SP);
    const uint32_t stack = (old - bytes) & ~7u;
    for (int i = 0; i < 7; i++) {
        frame[i] = core_register(&m->core, frame_registers[i]);
    }
    frame[7] = (core_register(&m->core, UC_ARM_REG_XPSR) & ~(uint32_t)XPSR_REALIGNED) | (old & 4u ? XPSR_REALIGNED : 0u);
    if (floats) {
        float_registers(m, frame, true);
    }
    if (uc_mem_write(m->core.uc, stack, frame, bytes) != UC_ERR_OK ||
        uc_mem_read(m->core.uc, vectors + 4 * (FIRST_INTERRUPT + number), &handler, 4) != UC_ERR_OK) {
        core_raise(&m->core, FAULT_MEMORY, UC_MEM_WRITE_UNMAPPED, stack);
        return;
    }
    core_set_register(&m->core, UC_ARM_REG_SP, stack);
    core_set_register(&m->core, UC_ARM_REG_LR, floats ? EXC_RETURN_THREAD_MAIN & ~EXC_RETURN_NO_FLOAT : EXC_RETURN_THREAD_MAIN);
    core_set_register(&m->core, UC_ARM_REG_CONTROL, control & ~(uint32_t)CONTROL_FPCA);
    core_set_register(&m->core, UC_ARM_REG_XPSR, 1u << 24 | (FIRST_INTERRUPT + number));
    nvic_take(&m->system.nvic, number);
    m->in_handler = true;
    m->interrupts++;
    m->core.cycles += m->config.entry_cycles;
    core_jump(&m->core, handler);
}

void exceptions_return(struct machine *m)
{
    const uint32_t code = m->core.pc | 1u; /* the branch drops bit 0 */
    if (!m->in_handler || (code | EXC_RETURN_NO_FLOAT) != EXC_RETURN_THREAD_MAIN) {
        core_raise(&m->core, FAULT_EXCEPTION, 8, code);
        return;
    }
    uint32_t frame[EXTENDED_BYTES / 4] = {0};
    const bool floats = !(code & EXC_RETURN_NO_FLOAT);
    const uint32_t bytes = floats ? EXTENDED_BYTES : BASIC_BYTES;
    const uint32_t stack = core_register(&m->core, UC_ARM_REG_SP);
    if (uc_mem_read(m->core.uc, stack, frame, bytes) != UC_ERR_OK) {
        core_raise(&m->core, FAULT_MEMORY, UC_MEM_READ_UNMAPPED, stack);
        return;
    }
    for (int i = 0; i < 6; i++) {
        core_set_register(&m->core, frame_registers[i], frame[i]);
    }
    if (floats) {
        float_registers(m, frame, false);
    }
    const uint32_t control = core_register(&m->core, UC_ARM_REG_CONTROL) & ~(uint32_t)CONTROL_FPCA;
    core_set_register(&m->core, UC_ARM_REG_XPSR, frame[7] & ~(uint32_t)(XPSR_REALIGNED | XPSR_EXCEPTION));
    core_set_register(&m->core, UC_ARM_REG_CONTROL, control | (floats ? CONTROL_FPCA : 0u));
    core_set_register(&m->core, UC_ARM_REG_SP, (stack + bytes) | (frame[7] & XPSR_REALIGNED ? 4u : 0u));
    m->in_handler = false;
    m->core.cycles += m->config.return_cycles + (floats ? m->config.return_float_cycles : 0u);
    core_jump(&m->core, frame[6]);
}
