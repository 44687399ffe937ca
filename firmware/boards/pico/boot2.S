/* SPDX-License-Identifier: Apache-2.0 */
/* Second stage of the RP2040's boot. The boot ROM copies these 256 bytes from the start of flash to RAM, checks their CRC and
   runs them there, wherever that is (RP2040 Datasheet, 2.8.1.3). They set up the flash to be read in place, with the serial
   read command 03h that every flash chip has, and go on at the vector table behind them. SSI registers: section 4.10.13. */
    .syntax unified
    .cpu cortex-m0plus
    .thumb

    .equ SSI, 0x18000000
    .equ CTRLR0, 0x00
    .equ CTRLR1, 0x04
    .equ SSIENR, 0x08
    .equ BAUDR, 0x14
    .equ SPI_CTRLR0, 0xF4
    .equ DIVIDER, 4                          /* 125 MHz / 4; every flash chip reads at 33 MHz */
    .equ READ_WORDS, 31 << 16 | 3 << 8       /* frames of 32 bits; mode "EEPROM read" */
    .equ READ_COMMAND, 0x03 << 24 | 2 << 8 | 6 << 2 /* command 03h of 8 bits, address of 24 bits */
    .equ VTOR, 0xE000ED08
    .equ VECTORS, 0x10000100

    .section .boot2, "ax", %progbits
boot2:
    ldr r0, =SSI
    movs r1, #0
    str r1, [r0, #SSIENR]
    movs r2, #DIVIDER
    str r2, [r0, #BAUDR]
    ldr r2, =READ_WORDS
    str r2, [r0, #CTRLR0]
    str r1, [r0, #CTRLR1]
    ldr r2, =READ_COMMAND
    movs r3, #SPI_CTRLR0
    str r2, [r0, r3]
    movs r1, #1
    str r1, [r0, #SSIENR]
    ldr r0, =VECTORS
    ldr r1, =VTOR
    str r0, [r1]
    ldm r0!, {r1, r2}
    mov sp, r1
    bx r2
    .align 2
    .ltorg
    .org 252
    .word 0                                  /* the image builder puts the CRC here */
