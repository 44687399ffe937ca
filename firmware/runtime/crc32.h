/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 of zlib (IEEE 802.3, reflected): crc32(bytes, n, seed) equals zlib's crc32(seed, bytes, n). */
#ifndef CRC32_H
#define CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32(const uint8_t *bytes, size_t count, uint32_t seed);

#endif
