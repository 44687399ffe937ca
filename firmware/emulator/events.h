/* SPDX-License-Identifier: Apache-2.0 */
/* What can stop the program between two basic blocks, and what ends its sleep. */
#ifndef EVENTS_H
#define EVENTS_H

#include "machine.h"

uint64_t events_next(const struct machine *m);
enum stop events_stop(struct machine *m);

#endif
