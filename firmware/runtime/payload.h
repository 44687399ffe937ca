/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, codes and names as docs/protocol.md lays them out (little-endian), put behind what the newest answer holds. */
#ifndef PAYLOAD_H
#define PAYLOAD_H

#include "protocol.h"

uint32_t load_u32(const uint8_t *bytes);
void put_u8(struct protocol *protocol, uint8_t value);
void put_u16(struct protocol *protocol, uint16_t value);
void put_u32(struct protocol *protocol, uint32_t value);
void put_codes(struct protocol *protocol, const int16_t *codes);
void put_name(struct protocol *protocol, const char *name, uint8_t most_bytes);

#endif
