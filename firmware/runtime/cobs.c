/* SPDX-License-Identifier: Apache-2.0 */
#include "cobs.h"

enum { FULL_BLOCK = 254 };

void cobs_decoder_start(struct cobs_decoder *decoder, uint8_t *buffer, size_t capacity)
{
    *decoder = (struct cobs_decoder){.buffer = buffer, .capacity = capacity};
}

static void append(struct cobs_decoder *decoder, uint8_t byte)
{
    if (decoder->length < decoder->capacity) {
        decoder->buffer[decoder->length] = byte;
        decoder->length++;
    } else {
        decoder->length = decoder->capacity + 1;
    }
}

static enum cobs_event close_packet(struct cobs_decoder *decoder)
{
    if (!decoder->started) {
        return COBS_MORE;
    }
    decoder->started = false;
    if (decoder->left != 0) {
        return COBS_CUT;
    }
    return decoder->length > decoder->capacity ? COBS_LONG : COBS_PACKET;
}

enum cobs_event cobs_decode(struct cobs_decoder *decoder, uint8_t byte)
{
    if (byte == 0) {
        return close_packet(decoder);
    }
    if (!decoder->started) {
        decoder->started = true;
        decoder->length = 0;
        decoder->left = 0;
        decoder->zero_follows = false;
    }
    if (decoder->left != 0) {
        decoder->left--;
        append(decoder, byte);
        return COBS_MORE;
    }
    if (decoder->zero_follows) {
        append(decoder, 0);
    }
    decoder->left = (uint8_t)(byte - 1u);
    decoder->zero_follows = decoder->left != FULL_BLOCK;
    return COBS_MORE;
}

static size_t block_length(const uint8_t *bytes, size_t count)
{
    size_t length = 0;
    while (length < count && length < FULL_BLOCK && bytes[length] != 0) {
        length++;
    }
    return length;
}

void cobs_encode(const uint8_t *packet, size_t length, void (*write)(const uint8_t *bytes, size_t count))
{
    const uint8_t end = 0;
    size_t at = 0;
    bool more = true;
    while (more) {
        const size_t block = block_length(packet + at, length - at);
        const uint8_t code = (uint8_t)(block + 1u);
        write(&code, 1);
        write(packet + at, block);
        at += block;
        more = at < length;
        if (more && block < FULL_BLOCK) {
            at++;
        }
    }
    write(&end, 1);
}
