/* coroutine.h: a flow of control with a stack of its own.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * Simulated kernel code is plain C that may stop anywhere: in the middle of an
 * allocation, five calls deep, it waits for a lock, and other code runs. So it
 * needs a stack that stays as it is meanwhile. A switch costs about as much as a call.
 *
 * A coroutine that is dropped in the middle is not unwound: simulated code holds
 * nothing of the host across a wait.
 */

#pragma once

#include "simcore/base/types.h"

G_BEGIN_DECLS

typedef void (*KmlCoroutineFunc) (gpointer data); /* must never return: it ends by switching away */

typedef struct _KmlStack KmlStack;

/* The host's own flow of control is one too, made by zeroing. */
typedef struct {
  gpointer sp;     /* where it goes on, unless it runs */
  KmlStack *stack; /* (owned by the pool) (nullable): NULL: the host's */
  gpointer fake;   /* AddressSanitizer's */
} KmlCoroutine;

/* Stacks are reserved by the hundred and used again, the last one first, since it is still in the caches. One that nobody
 * ran on costs the host address space only. Below each lies a page that may not be touched. */
typedef struct _KmlStackPool KmlStackPool;

KmlStackPool *kml_stack_pool_new (void);
void kml_stack_pool_free (KmlStackPool *self); /* with all stacks, whoever stands on them */
G_DEFINE_AUTOPTR_CLEANUP_FUNC (KmlStackPool, kml_stack_pool_free)

/* Takes a stack from @pool: the first switch to @self calls @func. */
void kml_coroutine_start (KmlCoroutine *self, KmlStackPool *pool, KmlCoroutineFunc func,
                          gpointer data);

/* Gives the stack back; @self is not the one that runs. */
void kml_coroutine_drop (KmlCoroutine *self, KmlStackPool *pool);

/* How: coroutine.c, 1. */
#if defined(KML_UCONTEXT) || !(defined(__x86_64__) || defined(__aarch64__))
#define KML_SWITCH_BY_UCONTEXT 1
#else
#define KML_SWITCH_BY_UCONTEXT 0
#endif

#if defined(__SANITIZE_ADDRESS__)
#define KML_HAS_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KML_HAS_ASAN 1
#endif
#endif
#ifndef KML_HAS_ASAN
#define KML_HAS_ASAN 0
#endif

#if defined(__x86_64__) && !KML_SWITCH_BY_UCONTEXT

/* Registers that there are besides where the program is built for AVX-512; a compiler may keep anything in them. */
#ifdef __AVX512F__
#define KML_AVX512_CLOBBERS                                                                        \
  , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",      \
      "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",    \
      "k6", "k7"
#else
#define KML_AVX512_CLOBBERS
#endif

/* Writes the stack pointer to @from and goes on at that of @to. Nothing but the frame pointer and the place to go on is pushed: whoever calls it
 * has what he needs of all other registers on his stack already, since the compiler is told that they change. */
static inline __attribute__ ((always_inline)) void
kml_stack_switch (KmlCoroutine *from, KmlCoroutine *to)
{
  __asm__ volatile(
      "leaq -128(%%rsp), %%rsp\n\t" /* what a function may use below its stack pointer */
      "pushq %%rbp\n\t"
      "leaq 1f(%%rip), %%rax\n\t"
      "pushq %%rax\n\t"
      "movq %%rsp, (%0)\n\t"
      "movq (%1), %%rsp\n\t"
      "popq %%rax\n\t"
      "jmpq *%%rax\n"
      "1:\n\t"
      "popq %%rbp\n\t"
      "leaq 128(%%rsp), %%rsp"
      : "+D"(from), "+S"(to)
      :
      : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "xmm0",
        "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
        "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
        "st(6)", "st(7)", "cc", "memory" KML_AVX512_CLOBBERS);
}

#else

void kml_stack_switch (KmlCoroutine *from, KmlCoroutine *to);

#endif

/* Goes on with @to where it left off, until somebody switches back to @from, which is the one that runs. */
#if KML_HAS_ASAN
void kml_coroutine_switch (KmlCoroutine *from, KmlCoroutine *to);
#else
static inline __attribute__ ((always_inline)) void
kml_coroutine_switch (KmlCoroutine *from, KmlCoroutine *to)
{
  kml_stack_switch (from, to);
}
#endif

G_END_DECLS
