/* SPDX-License-Identifier: Apache-2.0 */
/* By the ARMv7-M Architecture Reference Manual, B1.5.6 to B1.5.8, for one interrupt at a time: no nesting, no late arrival,
   no tail chaining, main stack only. The FPU's part of the frame is written at entry, where the core reserves it and
   writes it on the handler's first FPU instruction: the memory and registers that a program sees are the same. Entry
   costs the same with and without it. */
#include "exceptions.h"

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

static bool interrupt_pending(const struct exceptions *e)
{
    if (!nvic_enabled(&e->system->nvic, e->interrupt) || e->in_handler) {
        return false;
    }
    return nvic_pends(&e->system->nvic, e->interrupt) || port_interrupts(e->port);
}

/* Something would interrupt; PRIMASK does not matter to WFI. */
bool exceptions_pending(const struct exceptions *e)
{
    return timer_pends(&e->system->timer) || interrupt_pending(e);
}

/* The interrupt's line is up and the NVIC and PRIMASK let it through. */
bool exceptions_ready(const struct exceptions *e)
{
    if (!exceptions_pending(e) || (core_register(e->core, UC_ARM_REG_PRIMASK) & 1u)) {
        return false;
    }
    if (timer_pends(&e->system->timer)) {
        core_raise(e->core, FAULT_UNMODELLED, UNMODELLED_SYSTICK_INTERRUPT, 0);
        return false;
    }
    return true;
}

static uint32_t frame_bytes(bool floats)
{
    return floats ? EXTENDED_BYTES : BASIC_BYTES;
}

/* The frame of the registers as they are; the stack was aligned to 4 bytes alone where bit 2 of SP is set. */
static void save(const struct core *core, uint32_t frame[], bool floats)
{
    const uint32_t realigned = core_register(core, UC_ARM_REG_SP) & 4u ? XPSR_REALIGNED : 0u;
    for (int i = 0; i < 7; i++) {
        frame[i] = core_register(core, frame_registers[i]);
    }
    frame[7] = (core_register(core, UC_ARM_REG_XPSR) & ~(uint32_t)XPSR_REALIGNED) | realigned;
    for (int i = 0; floats && i < 16; i++) {
        frame[SINGLES_WORD + i] = core_register(core, UC_ARM_REG_S0 + i);
    }
    if (floats) {
        frame[FPSCR_WORD] = core_register(core, UC_ARM_REG_FPSCR);
    }
}

/* All of `frame` but the PC. */
static void restore(const struct core *core, const uint32_t frame[], bool floats)
{
    for (int i = 0; i < 6; i++) {
        core_set_register(core, frame_registers[i], frame[i]);
    }
    for (int i = 0; floats && i < 16; i++) {
        core_set_register(core, UC_ARM_REG_S0 + i, frame[SINGLES_WORD + i]);
    }
    if (floats) {
        core_set_register(core, UC_ARM_REG_FPSCR, frame[FPSCR_WORD]);
    }
    core_set_register(core, UC_ARM_REG_XPSR, frame[7] & ~(uint32_t)(XPSR_REALIGNED | XPSR_EXCEPTION));
}

void exceptions_enter(struct exceptions *e)
{
    struct core *core = e->core;
    const uint32_t control = core_register(core, UC_ARM_REG_CONTROL), number = FIRST_INTERRUPT + e->interrupt;
    if (control & CONTROL_SPSEL) {
        core_raise(core, FAULT_UNMODELLED, UNMODELLED_PROCESS_STACK, 0);
        return;
    }
    const bool floats = control & CONTROL_FPCA;
    const uint32_t stack = (core_register(core, UC_ARM_REG_SP) - frame_bytes(floats)) & ~7u;
    uint32_t frame[EXTENDED_BYTES / 4] = {0}, handler = 0;
    save(core, frame, floats);
    if (uc_mem_write(core->uc, stack, frame, frame_bytes(floats)) != UC_ERR_OK) {
        core_raise(core, FAULT_MEMORY, UC_MEM_WRITE_UNMAPPED, stack);
        return;
    }
    const uint32_t vector = system_vectors(e->system) + 4 * number;
    if (uc_mem_read(core->uc, vector, &handler, sizeof handler) != UC_ERR_OK) {
        core_raise(core, FAULT_MEMORY, UC_MEM_READ_UNMAPPED, vector);
        return;
    }
    core_set_register(core, UC_ARM_REG_SP, stack);
    core_set_register(core, UC_ARM_REG_LR,
                      floats ? EXC_RETURN_THREAD_MAIN & ~EXC_RETURN_NO_FLOAT : EXC_RETURN_THREAD_MAIN);
    core_set_register(core, UC_ARM_REG_CONTROL, control & ~(uint32_t)CONTROL_FPCA);
    core_set_register(core, UC_ARM_REG_XPSR, 1u << 24 | number);
    nvic_take(&e->system->nvic, e->interrupt);
    e->in_handler = true;
    e->count++;
    core->cycles += e->config.entry_cycles;
    core_jump(core, handler);
}

void exceptions_return(struct exceptions *e)
{
    struct core *core = e->core;
    const uint32_t code = core->pc | 1u; /* the branch drops bit 0 */
    if (!e->in_handler || (code | EXC_RETURN_NO_FLOAT) != EXC_RETURN_THREAD_MAIN) {
        core_raise(core, FAULT_EXCEPTION, EXCEPTION_EXIT, code);
        return;
    }
    uint32_t frame[EXTENDED_BYTES / 4] = {0};
    const bool floats = !(code & EXC_RETURN_NO_FLOAT);
    const uint32_t stack = core_register(core, UC_ARM_REG_SP);
    if (uc_mem_read(core->uc, stack, frame, frame_bytes(floats)) != UC_ERR_OK) {
        core_raise(core, FAULT_MEMORY, UC_MEM_READ_UNMAPPED, stack);
        return;
    }
    restore(core, frame, floats);
    const uint32_t control = core_register(core, UC_ARM_REG_CONTROL) & ~(uint32_t)CONTROL_FPCA;
    core_set_register(core, UC_ARM_REG_CONTROL, control | (floats ? CONTROL_FPCA : 0u));
    core_set_register(core, UC_ARM_REG_SP, (stack + frame_bytes(floats)) | (frame[7] & XPSR_REALIGNED ? 4u : 0u));
    e->in_handler = false;
    core->cycles += e->config.return_cycles + (floats ? e->config.return_float_cycles : 0u);
    core_jump(core, frame[6]);
}
