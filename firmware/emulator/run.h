/* SPDX-License-Identifier: Apache-2.0 */
/* The run loop: from one stop of the engine to the next, until there is something for the caller. */
#ifndef RUN_H
#define RUN_H

#include "machine.h"

bool run_hook(struct machine *m);
enum stop machine_run(struct machine *m, uint32_t until, uint64_t budget);

#endif
