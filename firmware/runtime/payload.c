/* SPDX-License-Identifier: Apache-2.0 */
#include "payload.h"

uint32_t load_u32(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

void put_u8(struct protocol *protocol, uint8_t value)
{
    const uint8_t newest = protocol->newest;
    protocol->memory.answers[newest][protocol->lengths[newest]] = value;
    protocol->lengths[newest]++;
}

void put_u16(struct protocol *protocol, uint16_t value)
{
    put_u8(protocol, (uint8_t)value);
    put_u8(protocol, (uint8_t)(value >> 8));
}

void put_u32(struct protocol *protocol, uint32_t value)
{
    put_u16(protocol, (uint16_t)value);
    put_u16(protocol, (uint16_t)(value >> 16));
}

void put_codes(struct protocol *protocol, const int16_t *codes)
{
    for (size_t i = 0; i < protocol->policy->actions; i++) {
        put_u16(protocol, (uint16_t)codes[i]);
    }
}

void put_name(struct protocol *protocol, const char *name, uint8_t most_bytes)
{
    uint8_t length = 0;
    while (length < most_bytes && name[length] != '\0') {
        length++;
    }
    put_u8(protocol, length);
    for (uint8_t i = 0; i < length; i++) {
        put_u8(protocol, (uint8_t)name[i]);
    }
}
