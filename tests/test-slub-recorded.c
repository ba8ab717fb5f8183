/* test-slub-recorded.c: a real kernel's SLUB did the same.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * tests/data/slub-linux-6.1.txt has what the kernel says of its caches, and for some of them the slabs that it had, what was taken and freed
 * by each CPU, and where the slabs were afterwards. Which object of a slab is taken is random there (CONFIG_SLAB_FREELIST_RANDOM), but which
 * slab it is of is not: slub must take each from the very same one, make and give back as many, and end with the same lists, in order.
 */

#include "allocators/slub.h"
#include "tests/testutils.h"

#include <string.h>

#define PAGE        4096
#define N_CPUS      4
#define MAX_SLABS   8192
#define MAX_OBJECTS 512 /* of a slab */

static KmlMachine *machine;
static KmlAllocator *pages, *allocator;
static Slub *slub;
static SlubCache *cache;
static KmlPfn frames
    [MAX_SLABS]; /* of the kernel's slabs, by number; KML_PFN_NONE: it is not known yet which */
static KmlAddr objects[MAX_SLABS][MAX_OBJECTS]; /* in use */

/* What replays come to: of all caches … */
typedef struct {
  guint takes, same; /* objects taken, and those of the kernel's slab */
  guint listed;      /* slabs of CPUs and on lists in the end */
  /* … and of the one under way: slabs that there were, and the kernel's new ones */
  guint old, made, given_back;
} Outcome;

static Outcome outcome;

/* ---- Setting up ---- */

static void
start (guint size)
{
  KmlMachineConfig config = { .n_cpus = N_CPUS, .page_size = PAGE, .ram = 256 << 20 };
  g_autofree char *bin = g_strdup_printf ("%u", size);
  g_autoptr (GError) error = NULL;

  machine = kml_machine_new (&config, &error);
  assert_no_error (error);
  pages = kml_allocator_new (kml_allocator_find ("buddy"), machine, NULL);
  kml_allocator_start (pages, &error);
  assert_no_error (error);
  allocator = kml_allocator_new (kml_allocator_find ("slub"), machine, pages);
  kml_param_parse (kml_param_find (allocator->ops->params, "bins"), bin, allocator, &error);
  assert_no_error (error);
  kml_allocator_start (allocator, &error);
  assert_no_error (error);
  slub = (Slub *)allocator;
  cache = &slub->caches[0];
  memset (frames, 0xff, sizeof frames);
  outcome.old = outcome.made = outcome.given_back = 0;
}

static void
stop (void)
{
  kml_allocator_destroy (allocator);
  kml_allocator_destroy (pages);
  kml_machine_free (machine);
  machine = NULL;
}

static KmlAddr
ask (guint cpu)
{
  const KmlRequest request = { .size = cache->object_size, .cpu = (guint8)cpu };
  guint64 held;
  const KmlAddr addr = kml_allocator_alloc (allocator, &request, &held);

  ck_assert_uint_ne (addr, KML_ADDR_NONE);
  return addr;
}

static KmlPfn
slab_of (KmlAddr addr)
{
  return frame_of (slub, kml_ram_pfn (ram_of (slub), addr))->slab.head;
}

/* The words of a line behind the first as numbers. What is behind a colon is the next number. */
static GArray *
numbers (const char *line)
{
  GArray *const all = g_array_new (FALSE, FALSE, sizeof (guint));
  g_auto (GStrv) words = g_strsplit_set (line, " :", -1);

  for (guint i = 1; words[i] != NULL; i++) {
    const guint number = (guint)g_ascii_strtoull (words[i], NULL, 10);

    if (words[i][0] != '\0')
      g_array_append_val (all, number);
  }
  return all;
}

#define NUMBER(i) g_array_index (n, guint, i)

/* ---- The state that it begins with ---- */

/* A slab in nobody's hands, with some objects free. */
static void
add_slab (const GArray *n)
{
  KmlAddr *const own = objects[NUMBER (0)];
  KmlFrame *slab;

  cache->order = (guint8)NUMBER (1);
  outcome.old++;
  for (guint i = 0; i < NUMBER (2); i++)
    own[i] = ask (0);
  frames[NUMBER (0)] = cache->cpus[0].pfn;
  slab = frame_of (slub, cache->cpus[0].pfn);
  ck_assert_uint_eq (NUMBER (2), slab->slab.n_objects);
  cache->cpus[0].pfn = KML_PFN_NONE;
  slab->slab.is_frozen = FALSE;
  for (guint i = 3; i < n->len; i++) {
    const KmlAddr addr = own[NUMBER (i)];

    slub_store (slub, cache, addr, slub_guard_of (addr) | slab->slab.first_free);
    slab->slab.first_free = (guint16)(NUMBER (i) + 1);
    slab->slab.n_used--;
  }
}

/* The slab of a CPU, of whose free objects some are on the CPU's own list. */
static void
give_to_cpu (const GArray *n)
{
  SlubCpu *cpu = &cache->cpus[NUMBER (0)];
  const KmlPfn pfn = frames[NUMBER (1)];
  KmlFrame *slab = frame_of (slub, pfn);
  guint link = slab->slab.first_free, last = 0;

  cpu->pfn = pfn;
  cpu->start = kml_ram_addr (ram_of (slub), pfn);
  cpu->objects = ram_of (slub)->store + cpu->start;
  slab->slab.is_frozen = TRUE;
  for (guint i = 0; i < NUMBER (2); i++) {
    last = link;
    ck_assert (slub_next (slub, cache, pfn, &link));
  }
  if (last == 0)
    return;
  cpu->first_free = slab->slab.first_free;
  slab->slab.first_free = (guint16)link;
  slab->slab.n_used += (guint16)NUMBER (2);
  slub_store (slub, cache, object_of (slub, cache, pfn, last - 1),
              slub_guard_of (object_of (slub, cache, pfn, last - 1)));
}

static void
give_partial_to_cpu (const GArray *n)
{
  SlubCpu *cpu = &cache->cpus[NUMBER (0)];

  for (guint i = n->len - 1; i > 1; i -= 2) {
    const KmlPfn pfn = frames[NUMBER (i - 1)];

    frame_of (slub, pfn)->slab.is_frozen = TRUE;
    frame_of (slub, pfn)->slab.next = cpu->partial;
    cpu->partial = pfn;
    cpu->n_partial++;
  }
}

static void
give_to_node (const GArray *n)
{
  for (guint i = 0; i < n->len; i += 2) {
    kml_frame_list_insert (&cache->partial, ram_of (slub), frames[NUMBER (i)], FALSE);
    cache->n_partial++;
  }
}

/* ---- What happened then ---- */

/* A new slab, which will be asked for next. Where the kernel's memory was in pieces it is smaller than wanted. */
static void
expect_slab (const GArray *n)
{
  cache->order = (guint8)NUMBER (1);
  outcome.made++;
}

static void
miss_slab (const GArray *n)
{
  outcome.given_back++;
}

static void
take (const GArray *n)
{
  for (guint i = 1; i < n->len; i += 2) {
    const guint64 made = allocator->counters[COUNTER_SLABS_NEW];
    const KmlAddr addr = ask (NUMBER (0));
    KmlPfn *slab = &frames[NUMBER (i)];

    objects[NUMBER (i)][NUMBER (i + 1)] = addr;
    if (*slab == KML_PFN_NONE && allocator->counters[COUNTER_SLABS_NEW] > made)
      *slab = slab_of (addr);
    outcome.takes++;
    outcome.same += slab_of (addr) == *slab;
  }
}

static void
give_back (const GArray *n)
{
  const KmlRequest how = { .cpu = (guint8)NUMBER (0) };

  for (guint i = 1; i < n->len; i += 2)
    kml_allocator_free_block (allocator, objects[NUMBER (i)][NUMBER (i + 1)], &how);
}

/* ---- The state that it ends with ---- */

/* Slabs of a list, from the first on, and how many free objects each has. */
static void
compare_list (const GArray *n, guint first, KmlPfn pfn)
{
  for (guint i = first; i < n->len; i += 2) {
    const KmlFrame *slab;

    ck_assert_uint_ne (pfn, KML_PFN_NONE);
    slab = frame_of (slub, pfn);
    ck_assert_uint_eq (pfn, frames[NUMBER (i)]);
    ck_assert_uint_eq (slab->slab.n_objects - slab->slab.n_used, NUMBER (i + 1));
    pfn = slab->slab.next;
    outcome.listed++;
  }
  ck_assert_uint_eq (pfn, KML_PFN_NONE);
}

static void
compare_cpu (const GArray *n)
{
  const SlubCpu *cpu = &cache->cpus[NUMBER (0)];
  guint link = cpu->first_free, n_own = 0;

  ck_assert_uint_eq (cpu->pfn, frames[NUMBER (1)]);
  while (slub_next (slub, cache, cpu->pfn, &link))
    n_own++;
  ck_assert_uint_eq (n_own, NUMBER (2));
  outcome.listed++;
}

static void
compare_partial (const GArray *n)
{
  compare_list (n, 1, cache->cpus[NUMBER (0)].partial);
}

static void
compare_node (const GArray *n)
{
  compare_list (n, 0, cache->partial.first);
}

/* The last line of a cache. */
static void
compare_slabs (const GArray *n)
{
  g_autoptr (GError) error = NULL;

  ck_assert_uint_eq (cache->n_slabs, NUMBER (0));
  ck_assert_uint_eq (allocator->counters[COUNTER_SLABS_NEW] - outcome.old, outcome.made);
  ck_assert_uint_eq (allocator->counters[COUNTER_SLABS_GIVEN_BACK], outcome.given_back);
  allocator->ops->check (allocator, &error);
  assert_no_error (error);
  stop ();
}

/* ---- Reading ---- */

static void
compare_size (const GArray *n)
{
  start (NUMBER (0));
  ck_assert_uint_eq (cache->order, NUMBER (1));
  ck_assert_uint_eq (kml_slab_objects (&slub->rule, cache->order, NUMBER (0)), NUMBER (2));
  ck_assert_uint_eq (cache->least_order, NUMBER (3));
  ck_assert_uint_eq (kml_slab_objects (&slub->rule, cache->least_order, NUMBER (0)), NUMBER (4));
  ck_assert_uint_eq (cache->min_partial, NUMBER (5));
  ck_assert_uint_eq (cache->cpu_partial_slabs, NUMBER (7));
  stop ();
}

static void
begin (const GArray *n)
{
  start (NUMBER (1)); /* the first word is a name */
}

typedef struct {
  const char *word;
  void (*func) (const GArray *n);
} Line;

static const Line sizes[] = { { "size", compare_size }, { NULL, NULL } };

static const Line caches[] = {
  { "cache", begin },
  { "slab", add_slab },
  { "cpu", give_to_cpu },
  { "partial", give_partial_to_cpu },
  { "node", give_to_node },
  { "take", take },
  { "free", give_back },
  { "new", expect_slab },
  { "gone", miss_slab },
  { "after-cpu", compare_cpu },
  { "after-partial", compare_partial },
  { "after-node", compare_node },
  { "after-slabs", compare_slabs },
  { NULL, NULL },
};

/* Returns how many lines were known. */
static guint
play (const Line *known)
{
  g_autofree char *path = g_build_filename (g_getenv ("KML_SOURCE_ROOT"), "tests", "data",
                                            "slub-linux-6.1.txt", NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  guint n_known = 0;

  outcome = (Outcome){ 0 };
  g_file_get_contents (path, &text, NULL, &error);
  assert_no_error (error);
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL && lines[i][0] != '\0'; i++) {
    g_autoptr (GArray) n = numbers (lines[i]);
    const gsize length = strcspn (lines[i], " ");

    for (const Line *line = known; line->word != NULL; line++)
      if (strlen (line->word) == length && strncmp (lines[i], line->word, length) == 0) {
        line->func (n);
        n_known++;
      }
  }
  return n_known;
}

START_TEST (each_size_has_the_kernels_numbers)
{
  ck_assert_uint_eq (play (sizes), 65);
}
END_TEST

START_TEST (each_object_is_of_the_kernels_slab)
{
  play (caches);
  ck_assert_uint_eq (outcome.takes, 2061);
  ck_assert_uint_eq (outcome.same, outcome.takes);
  ck_assert_uint_eq (outcome.listed, 86);
}
END_TEST

int
main (void)
{
  Suite *suite = suite_create ("slub-recorded");
  TCase *story = tcase_create ("story");

  tcase_add_test (story, each_size_has_the_kernels_numbers);
  tcase_add_test (story, each_object_is_of_the_kernels_slab);
  suite_add_tcase (suite, story);
  return run_suite (suite);
}
