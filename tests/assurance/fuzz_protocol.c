/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer on the device's side of the wire, on the host's board (tests/firmware/host). Input: packets, each as
   length and content; a CRC is put behind every other one, so that the fuzzer gets past it. */
#include <stdlib.h>
#include <string.h>

#include "crc32.h"
#include "ganglion_policy.h"

/* tests/firmware/host/host_board.c */
void host_start(int chosen_result, uint16_t features);
size_t host_exchange(const uint8_t *received, size_t count, uint8_t *answers, size_t capacity);
int host_guards_hold(void);

enum { FEATURES = 3, MOST = 64, ANSWERS = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t answers[ANSWERS];

static size_t with_crc(uint8_t *packet, size_t length)
{
    uint32_t seed = 0;
    if (packet[0] != 1u) {
        memcpy(&seed, ganglion_policy.digest, sizeof seed);
    }
    const uint32_t crc = crc32(packet, length, seed);
    memcpy(packet + length, &crc, sizeof crc);
    return length + sizeof crc;
}

static size_t encode(const uint8_t *content, size_t length, uint8_t *out)
{
    size_t mark = 0, at = 1;
    for (size_t i = 0; i < length; i++) {
        if (content[i]) {
            out[at++] = content[i];
        } else {
            out[mark] = (uint8_t)(at - mark);
            mark = at++;
        }
    }
    out[mark] = (uint8_t)(at - mark);
    out[at++] = 0;
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t packet[MOST + 4], wire[MOST + 8];
    host_start(0, FEATURES);
    host_exchange(data, size, answers, sizeof answers);
    for (size_t at = 0, index = 0; at + 1 < size; index++) {
        size_t length = data[at++] % MOST;
        length = length < size - at ? length : size - at;
        if (length == 0) {
            break;
        }
        memcpy(packet, data + at, length);
        at += length;
        length = index % 2 == 0 ? with_crc(packet, length) : length;
        host_exchange(wire, encode(packet, length, wire), answers, sizeof answers);
    }
    if (!host_guards_hold()) {
        abort();
    }
    return 0;
}
