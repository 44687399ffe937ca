/* SPDX-License-Identifier: Apache-2.0 */
/* A program that does on command what an emulated board must get right, or must refuse. One letter per command. */
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define SR REGISTER(0x40011000u)
#define DR REGISTER(0x40011004u)
#define CR1 REGISTER(0x4001100Cu)
#define RCC_CR REGISTER(0x40023800u)
#define CYCCNT REGISTER(0xE0001004u)

extern uint32_t __stack_top[];
void reset_handler(void);
void usart_handler(void);
uint32_t kernel(uint32_t rounds, uint32_t *words);
uint32_t below(uint32_t depth);
void restart(uint32_t request);

static const union {
    void *stack;
    void (*handler)(void);
} vectors[16 + 82] __attribute__((section(".vectors"), used)) = {
    [0] = {.stack = __stack_top},
    [1] = {.handler = reset_handler},
    [16 + 37] = {.handler = usart_handler},
};

static volatile uint8_t ring[256], head, tail;
static volatile float handler_float;
static volatile uint32_t handler_ipsr;
static uint32_t words[16];

static void send(uint32_t value)
{
    for (int i = 0; i < 4; i++) {
        DR = value >> 8 * i & 0xFFu;
    }
}

/* Takes one byte per interrupt, and overwrites the FPU's scratch registers. */
void usart_handler(void)
{
    ring[head++] = (uint8_t)DR;
    __asm__ volatile("mrs %0, ipsr" : "=r"(handler_ipsr));
#ifndef WITHOUT_FPU
    float x = handler_float;
    __asm__ volatile("vmov s0, %1\n\tvmov s1, s0\n\tvmov s15, s0\n\tvadd.f32 %0, %0, s1" : "+t"(x) : "r"(0x3F800000) : "s0", "s1", "s15");
    handler_float = x;
#endif
}

/* x = x / 2 + 1 in s3, hundreds of times, while interrupts come. */
__attribute__((noinline)) static uint32_t halve(uint32_t rounds)
{
    uint32_t result;
    __asm__ volatile("vmov.f32 s1, #0.5\n\tvmov.f32 s2, #1.0\n\tvmov.f32 s3, #31.0\n"
                     "1:\tvmul.f32 s3, s3, s1\n\tvadd.f32 s3, s3, s2\n\tsubs %1, #1\n\tbne 1b\n\tvmov %0, s3"
                     : "=r"(result), "+r"(rounds)::"s1", "s2", "s3", "cc");
    return result;
}

/* Loads, stores, branches both ways, calls, an IT block and a division. */
__attribute__((noinline)) uint32_t kernel(uint32_t rounds, uint32_t *data)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        data[i % 16] += i * 3u;
        sum += data[(i * 7u) % 16] / (1u + (i & 3u));
        if (sum & 4u) {
            sum ^= below(i & 3u);
        }
        __asm__ volatile("cmp %0, #9\n\tite hi\n\tsubhi %0, #1\n\taddls %0, #2" : "+r"(sum)::"cc");
    }
    return sum;
}

__attribute__((noinline)) uint32_t below(uint32_t depth)
{
    volatile uint32_t frame[8];
    frame[depth & 7u] = depth;
    return depth ? below(depth - 1) + frame[depth & 7u] : 1;
}

/* Between the two readings of the counter lie the instructions that are written here, and no others; the NOP before
   them keeps what made the address from stalling the first. */
static uint32_t count_known(void)
{
    uint32_t start, end;
    __asm__ volatile("nop\n\tldr %0, [%2]\n\tnop\n\tnop\n\tnop\n\tb 1f\n\tnop\n1:\tnop\n\tldr %1, [%2]"
                     : "=&r"(start), "=&r"(end)
                     : "r"(&CYCCNT)
                     : "memory");
    return end - start;
}

/* Starts the board again when `request` is the system control block's key for that. */
__attribute__((noinline)) void restart(uint32_t request)
{
    REGISTER(0xE000ED0Cu) = request;
}

static void obey(uint8_t command)
{
    switch (command) {
    case 'a': send(0x11223344u); break;
    case 'c': send(count_known()); break;
    case 'f': send(halve(400)); break;
    case 'h': send((uint32_t)handler_float); break;
    case 'i': send(handler_ipsr); break;
    case 'k': send(kernel(100, words)); break;
    case 's': send(below(20)); break;
    case 'R': send(RCC_CR); break;
    case 'r': restart(0x05FA0004u); break;
    case 'q': restart(0x05FA0000u); break;
    case 'n': REGISTER(0xE000ED08u) = 0x30000000u; break;
    case 'l': for (;;) __asm__ volatile("nop"); break;
    case 'm': send(REGISTER(0x30000000u)); break;
    case 'p': send(REGISTER(0x40026400u)); break;
    case 't': REGISTER(0xE000E010u) = 3; break;
    case 'u': __asm__ volatile("udf #0"); break;
    case 'v': __asm__ volatile("svc #0"); break;
    case 'w': REGISTER(0x08000000u) = 1; break;
    case 'x': ((void (*)(void))0x30000101u)(); break;
    default: send(command); break;
    }
}

void reset_handler(void)
{
#ifndef WITHOUT_FPU
    REGISTER(0xE000ED88u) |= 0xFu << 20;
#endif
    REGISTER(0xE000EDFCu) |= 1u << 24;
    CYCCNT = 0;
    REGISTER(0xE0001000u) |= 1;
    RCC_CR |= 1u << 16;
    while (!(RCC_CR & 1u << 17)) {
    }
    CR1 = 1u << 13 | 1u << 5 | 3u << 2;
    head = tail = 0;
    REGISTER(0xE000E104u) = 1u << 5;
    for (;;) {
        while (head != tail) {
            obey(ring[tail++]);
        }
        __asm__ volatile("cpsid i" ::: "memory");
        if (head == tail) {
            __asm__ volatile("wfi" ::: "memory");
        }
        __asm__ volatile("cpsie i" ::: "memory");
    }
}
