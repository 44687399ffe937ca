/* SPDX-License-Identifier: Apache-2.0 */
/* Consistent Overhead Byte Stuffing (Cheshire and Baker 1999), byte by byte in, block by block out. */
#ifndef COBS_H
#define COBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cobs_event {
    COBS_MORE,    /* the packet goes on */
    COBS_PACKET,  /* a whole packet of decoder->length bytes lies in the buffer */
    COBS_CUT,     /* a packet ended inside a block */
    COBS_LONG,    /* a packet ended that is longer than the buffer */
};

struct cobs_decoder {
    uint8_t *buffer;
    size_t capacity;
    size_t length;
    uint8_t left;       /* bytes left in the block */
    bool zero_follows;  /* the block stands for one more zero, unless it is the last */
    bool started;
};

void cobs_decoder_start(struct cobs_decoder *decoder, uint8_t *buffer, size_t capacity);

/* Takes one byte of the stream. After any event but COBS_MORE the next byte starts a packet, and the
   buffer is valid until then. Zeros between packets are ignored. */
enum cobs_event cobs_decode(struct cobs_decoder *decoder, uint8_t byte);

/* Writes the packet and its closing zero. */
void cobs_encode(const uint8_t *packet, size_t length, void (*write)(const uint8_t *bytes, size_t count));

#endif
