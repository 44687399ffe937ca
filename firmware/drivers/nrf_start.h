/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NRF_START_H
#define NRF_START_H

/* Changes from the internal oscillator, which is too far off for a serial port, to the crystal; stays with it where the
   crystal does not start. The core's clock is the same with both. */
void nrf_start_crystal(void);

/* Gives the serial port its pins, `tx` high when idle; both are bits of GPIO port 0. */
void nrf_start_pins(unsigned tx, unsigned rx);

#endif
