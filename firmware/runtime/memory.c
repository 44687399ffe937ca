/* SPDX-License-Identifier: Apache-2.0 */
/* The functions that compilers call on their own even without a library (GCC manual, "Standards"). */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count);
void *memmove(void *to, const void *from, size_t count);
void *memset(void *to, int value, size_t count);
int memcmp(const void *a, const void *b, size_t count);

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    while (count-- != 0) {
        *target++ = *source++;
    }
    return to;
}

void *memmove(void *to, const void *from, size_t count)
{
    uint8_t *target = to;
    const uint8_t *source = from;
    if (target < source) {
        return memcpy(to, from, count);
    }
    while (count-- != 0) {
        target[count] = source[count];
    }
    return to;
}

void *memset(void *to, int value, size_t count)
{
    uint8_t *target = to;
    while (count-- != 0) {
        *target++ = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t count)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    for (; count-- != 0; left++, right++) {
        if (*left != *right) {
            return *left - *right;
        }
    }
    return 0;
}

#ifdef __arm__
/* The same by the names of the ARM run-time ABI (IHI 0043, "Memory copying, clearing, and setting"). */
void __aeabi_memcpy(void *to, const void *from, size_t count);
void __aeabi_memmove(void *to, const void *from, size_t count);
void __aeabi_memset(void *to, size_t count, int value);
void __aeabi_memclr(void *to, size_t count);

void __aeabi_memcpy(void *to, const void *from, size_t count)
{
    memcpy(to, from, count);
}

void __aeabi_memmove(void *to, const void *from, size_t count)
{
    memmove(to, from, count);
}

void __aeabi_memset(void *to, size_t count, int value)
{
    memset(to, value, count);
}

void __aeabi_memclr(void *to, size_t count)
{
    memset(to, 0, count);
}

#define ALIGNED_TOO(function)                                                                                          \
    __typeof__(function) function##4 __attribute__((alias(#function)));                                                \
    __typeof__(function) function##8 __attribute__((alias(#function)))

ALIGNED_TOO(__aeabi_memcpy);
ALIGNED_TOO(__aeabi_memmove);
ALIGNED_TOO(__aeabi_memset);
ALIGNED_TOO(__aeabi_memclr);
#endif
