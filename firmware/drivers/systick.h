/* SPDX-License-Identifier: Apache-2.0 */
/* Let the next millisecond end a sleep. Both are called with interrupts masked, around WFI; they do nothing before
   board_tick_start, and on boards without systick.c. */
#ifndef SYSTICK_H
#define SYSTICK_H

void tick_arm(void);
void tick_disarm(void);

#endif
