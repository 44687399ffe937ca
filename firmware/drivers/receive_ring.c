/* SPDX-License-Identifier: Apache-2.0 */
#include "receive_ring.h"

#include "board.h"
#include "systick.h"
#include "usart.h"

/* The interrupt writes `head`, the main loop writes `tail`; both wrap with the ring's 256 bytes. */
static volatile uint8_t ring[256];
static volatile uint8_t head, tail;
static volatile uint32_t losses;
static volatile bool paused;

bool receive_ring_has_room(void)
{
    if ((uint8_t)(head + 1u) != tail) {
        return true;
    }
    usart_listen(false);
    paused = true;
    return false;
}

void receive_ring_put(uint8_t byte)
{
    const uint8_t at = head;
    ring[at] = byte;
    head = (uint8_t)(at + 1u);
}

void receive_ring_count_loss(void)
{
    losses++;
}

bool board_receive(uint8_t *byte)
{
    const uint8_t at = tail;
    if (at == head) {
        if (paused) {
            paused = false;
            usart_listen(true);
        }
        return false;
    }
    *byte = ring[at];
    tail = (uint8_t)(at + 1u);
    return true;
}

uint32_t board_lost_bytes(void)
{
    return losses;
}

__attribute__((weak)) void tick_arm(void)
{
}

__attribute__((weak)) void tick_disarm(void)
{
}

void board_wait(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    if (head == tail) {
        tick_arm();
        __asm__ volatile("dsb\n\twfi" ::: "memory");
        tick_disarm();
    }
    __asm__ volatile("cpsie i" ::: "memory");
}
