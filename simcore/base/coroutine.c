/* coroutine.c: switching stacks.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * 1. The switch
 *
 * Melvin E. Conway, "Design of a Separable Transition-Diagram Compiler", CACM
 * 6(7), July 1963, has the idea and the word. Whoever stops pushes what he wants to find again; then stack pointers are
 * exchanged, and who goes on pops what he pushed. He does so by a jump and not by a return: the processor's prediction of returns would be wrong each time.
 *
 *   x86-64    becomes part of who calls it (coroutine.h): the compiler is told that all registers change, so what is in use is on the stack
 *             already, and two words are pushed instead of seven
 *   aarch64   is a function, which keeps the registers that functions must not change
 *
 * The floating-point control word is not saved: nobody here changes it. On other processors than x86-64 and aarch64 swapcontext() does
 * it, with a system call each time (`-Dcoroutines=ucontext` to try it).
 *
 * 2. Stacks
 *
 *      chunk:  | guard | stack 0 | guard | stack 1 | ...        each grows downwards, towards its guard
 *
 * A stack that is too small is our bug; it ends in the guard page, by a signal, and not in a neighbour's data. Guards are
 * made when a stack is used for the first time, so ten thousand tasks that were never run cost nothing.
 *
 * From one stack to the next it is a power of two and one page of the host. With the power alone the upper ends of all stacks, which are what is used, would be in the
 * few sets of the processor's table of translations (TLB) that the lower bits of a page's number choose.
 *
 * 3. Tools
 *
 * AddressSanitizer and valgrind are told where stacks are and when they change.
 */

#include "simcore/base/coroutine.h"

#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef KML_HAVE_VALGRIND
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(start, end) 0
#define VALGRIND_STACK_DEREGISTER(id)       ((void)(id))
#endif

#if KML_HAS_ASAN
#include <sanitizer/asan_interface.h>
#define STACK_SIZE ((gsize)256 << 10) /* its frames are several times as large */
#else
#define STACK_SIZE ((gsize)64 << 10)
#endif

#define STACKS_A_CHUNK 256
#define GUARD_SIZE     ((gsize)64 << 10) /* a page of any host */

#if KML_SWITCH_BY_UCONTEXT
#include <ucontext.h>
#endif

struct _KmlStack {
  guint8 *low;    /* lowest address, above the guard */
  KmlStack *next; /* free ones */
  gboolean has_guard;
  guint valgrind_id;
#if KML_HAS_ASAN
  KmlCoroutineFunc func; /* that was started on it */
  gpointer data;
#endif
#if KML_SWITCH_BY_UCONTEXT
  ucontext_t context;
#endif
};

struct _KmlStackPool {
  GPtrArray *chunks; /* (element-type guint8): mappings */
  GPtrArray *stacks; /* (owned) (element-type KmlStack) */
  KmlStack *free;
  gsize distance; /* from one to the next: bytes */
};

/* ---- Stacks ---- */

KmlStackPool *
kml_stack_pool_new (void)
{
  KmlStackPool *self = g_new0 (KmlStackPool, 1);

  self->distance = STACK_SIZE + GUARD_SIZE + (gsize)sysconf (_SC_PAGESIZE);
  self->chunks = g_ptr_array_new ();
  self->stacks = g_ptr_array_new_with_free_func (g_free);
  return self;
}

static gsize
chunk_size (const KmlStackPool *self)
{
  return STACKS_A_CHUNK * self->distance;
}

void
kml_stack_pool_free (KmlStackPool *self)
{
  if (self == NULL)
    return;
  for (guint i = 0; i < self->stacks->len; i++) {
    KmlStack *stack = g_ptr_array_index (self->stacks, i);

    if (stack->has_guard)
      VALGRIND_STACK_DEREGISTER (stack->valgrind_id);
  }
  for (guint i = 0; i < self->chunks->len; i++) {
#if KML_HAS_ASAN
    /* what comes there next is no stack */
    __asan_unpoison_memory_region (g_ptr_array_index (self->chunks, i), chunk_size (self));
#endif
    munmap (g_ptr_array_index (self->chunks, i), chunk_size (self));
  }
  g_ptr_array_unref (self->chunks);
  g_ptr_array_unref (self->stacks);
  g_free (self);
}

static void
add_chunk (KmlStackPool *self)
{
  guint8 *chunk = mmap (NULL, chunk_size (self), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

  if (chunk == MAP_FAILED)
    g_error ("no address space for %d stacks of tasks", STACKS_A_CHUNK);
  g_ptr_array_add (self->chunks, chunk);
  for (guint i = STACKS_A_CHUNK; i-- > 0;) {
    KmlStack *stack = g_new0 (KmlStack, 1);

    stack->low = chunk + i * self->distance + GUARD_SIZE;
    stack->next = self->free;
    self->free = stack;
    g_ptr_array_add (self->stacks, stack);
  }
}

static KmlStack *
take_stack (KmlStackPool *self)
{
  KmlStack *stack;

  if (self->free == NULL)
    add_chunk (self);
  stack = self->free;
  self->free = stack->next;
#if KML_HAS_ASAN
  /* of frames that were left and not returned from */
  __asan_unpoison_memory_region (stack->low, STACK_SIZE);
#endif
  if (!stack->has_guard) {
    if (mprotect (stack->low - GUARD_SIZE, GUARD_SIZE, PROT_NONE) != 0)
      g_error ("no guard for the stack of a task: too many mappings");
    stack->valgrind_id = VALGRIND_STACK_REGISTER (stack->low, stack->low + STACK_SIZE);
    stack->has_guard = TRUE;
  }
  return stack;
}

/* ---- The switch ---- */

#if KML_SWITCH_BY_UCONTEXT

static void
enter (guint func_high, guint func_low, guint data_high, guint data_low)
{
  KmlCoroutineFunc func = (KmlCoroutineFunc)(gsize)((guint64)func_high << 32 | func_low);

  func ((gpointer)(gsize)((guint64)data_high << 32 | data_low));
  g_assert_not_reached ();
}

static void
prepare (KmlCoroutine *self, KmlCoroutineFunc func, gpointer data)
{
  ucontext_t *context = &self->stack->context;
  const guint64 func_word = (guint64)(gsize)func, data_word = (guint64)(gsize)data;

  getcontext (context);
  context->uc_stack.ss_sp = self->stack->low;
  context->uc_stack.ss_size = STACK_SIZE;
  context->uc_link = NULL;
  makecontext (context, (void (*) (void))enter, 4, (guint)(func_word >> 32), (guint)func_word,
               (guint)(data_word >> 32), (guint)data_word);
  self->sp = context;
}

void
kml_stack_switch (KmlCoroutine *from, KmlCoroutine *to)
{
  ucontext_t host;
  ucontext_t *context = from->stack != NULL ? &from->stack->context : &host;

  from->sp = context;
  swapcontext (context, to->sp);
}

#else

void kml_stack_enter (void);

G_STATIC_ASSERT (offsetof (KmlCoroutine, sp) == 0);

#if defined(__x86_64__)
/* what prepare() has put there: data and func */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl kml_stack_enter\n"
        ".hidden kml_stack_enter\n"
        ".type kml_stack_enter, @function\n"
        "kml_stack_enter:\n"
        "  popq %rdi\n"
        "  popq %rax\n"
        "  xorl %ebp, %ebp\n" /* no frame is above */
        "  callq *%rax\n"
        "  ud2\n"
        ".size kml_stack_enter, . - kml_stack_enter\n");

static void
prepare (KmlCoroutine *self, KmlCoroutineFunc func, gpointer data)
{
  /* once they are taken off, the stack pointer is a multiple of 16, as before any call */
  gpointer *top = (gpointer *)(gpointer)(self->stack->low + STACK_SIZE - 16);

  *--top = (gpointer)func;
  *--top = data;
  *--top = (gpointer)kml_stack_enter;
  self->sp = top;
}
#else              /* aarch64 */
#define N_SAVED 20 /* d8 .. d15, x19 .. x30 */
__asm__(".text\n"
        ".p2align 4\n"
        ".globl kml_stack_switch\n"
        ".hidden kml_stack_switch\n"
        ".type kml_stack_switch, %function\n"
        "kml_stack_switch:\n"
        "  sub sp, sp, #160\n"
        "  stp d8, d9, [sp, #0]\n"
        "  stp d10, d11, [sp, #16]\n"
        "  stp d12, d13, [sp, #32]\n"
        "  stp d14, d15, [sp, #48]\n"
        "  stp x19, x20, [sp, #64]\n"
        "  stp x21, x22, [sp, #80]\n"
        "  stp x23, x24, [sp, #96]\n"
        "  stp x25, x26, [sp, #112]\n"
        "  stp x27, x28, [sp, #128]\n"
        "  stp x29, x30, [sp, #144]\n"
        "  mov x9, sp\n"
        "  str x9, [x0]\n"
        "  ldr x9, [x1]\n"
        "  mov sp, x9\n"
        "  ldp d8, d9, [sp, #0]\n"
        "  ldp d10, d11, [sp, #16]\n"
        "  ldp d12, d13, [sp, #32]\n"
        "  ldp d14, d15, [sp, #48]\n"
        "  ldp x19, x20, [sp, #64]\n"
        "  ldp x21, x22, [sp, #80]\n"
        "  ldp x23, x24, [sp, #96]\n"
        "  ldp x25, x26, [sp, #112]\n"
        "  ldp x27, x28, [sp, #128]\n"
        "  ldp x29, x30, [sp, #144]\n"
        "  add sp, sp, #160\n"
        "  br x30\n"
        ".size kml_stack_switch, . - kml_stack_switch\n"
        ".globl kml_stack_enter\n"
        ".hidden kml_stack_enter\n"
        ".type kml_stack_enter, %function\n"
        "kml_stack_enter:\n"
        "  mov x0, x20\n"
        "  blr x19\n"
        "  brk #1\n"
        ".size kml_stack_enter, . - kml_stack_enter\n");

static void
prepare (KmlCoroutine *self, KmlCoroutineFunc func, gpointer data)
{
  gpointer *top = (gpointer *)(gpointer)(self->stack->low + STACK_SIZE - 16) - N_SAVED;

  memset (top, 0, N_SAVED * sizeof *top);
  top[8] = (gpointer)func;             /* x19 */
  top[9] = data;                       /* x20 */
  top[19] = (gpointer)kml_stack_enter; /* x30 */
  self->sp = top;
}
#endif

#endif

#if KML_HAS_ASAN

/* The host's own stack: the sanitizer tells when somebody comes from there. */
static const void *host_low;
static gsize host_size;
static gboolean is_from_host;

static void
finish_switch (gpointer fake)
{
  const void *low;
  gsize size;

  __sanitizer_finish_switch_fiber (fake, &low, &size);
  if (is_from_host) {
    host_low = low;
    host_size = size;
  }
}

/* What runs first on a stack. */
static void
first_call (gpointer data)
{
  const KmlStack *stack = data;

  finish_switch (NULL);
  stack->func (stack->data);
}

void
kml_coroutine_switch (KmlCoroutine *from, KmlCoroutine *to)
{
  const KmlStack *stack = to->stack;

  is_from_host = from->stack == NULL;
  __sanitizer_start_switch_fiber (&from->fake, stack != NULL ? stack->low : host_low,
                                  stack != NULL ? STACK_SIZE : host_size);
  kml_stack_switch (from, to);
  finish_switch (from->fake);
}

#endif

void
kml_coroutine_start (KmlCoroutine *self, KmlStackPool *pool, KmlCoroutineFunc func, gpointer data)
{
  *self = (KmlCoroutine){ .stack = take_stack (pool) };
#if KML_HAS_ASAN
  self->stack->func = func;
  self->stack->data = data;
  prepare (self, first_call, self->stack);
#else
  prepare (self, func, data);
#endif
}

void
kml_coroutine_drop (KmlCoroutine *self, KmlStackPool *pool)
{
  if (self->stack == NULL)
    return;
  self->stack->next = pool->free;
  pool->free = self->stack;
  *self = (KmlCoroutine){ 0 };
}
