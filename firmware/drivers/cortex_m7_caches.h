/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CORTEX_M7_CACHES_H
#define CORTEX_M7_CACHES_H

/* Invalidates and enables the instruction and the data cache. */
void cortex_m7_start_caches(void);

#endif
