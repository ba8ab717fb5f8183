/* cmd-reserve.c: kmemlab reserve: how large an emergency reserve must be.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * From the rate of requests, how long each keeps its object, and how many may fail: the size of one reserve for all CPUs, and
 * of one for each CPU (simcore/base/erlang.h). Then the same is simulated, with three laws of holding times and,
 * on request, with the same rate in bursts (simcore/base/loss-system.h).
 */

#include "cli/experiment.h"
#include "cli/output.h"
#include "cli/table.h"
#include "simcore/base/erlang.h"
#include "simcore/base/loss-system.h"
#include "simcore/machine.h"
#include "simcore/base/units.h"

#define DEFAULT_TARGET   "1e-3"
#define DEFAULT_REQUESTS 320000

/* A reserve of more objects than this is no emergency reserve; and it bounds the time of a mistake. */
#define MAX_SIZE G_GUINT64_CONSTANT (1000000)

static struct {
  char *rate, *holding, *target, *cpus, *burst, *requests, *seed;
  gboolean json;
} options;

/* The options, understood. */
typedef struct {
  guint64 rate; /* per second, of all CPUs together */
  KmlTime holding;
  double load, target;
  guint64 n_cpus, n_burst, n_requests, seed;
} Wishes;

/* One way to keep the reserve. */
typedef struct {
  const char *name; /* "shared", "per-cpu" */
  guint64 n_pools, size;
  double expected;
  KmlLoss losses[KML_N_HOLDINGS];
  KmlLoss burst; /* where asked for */
} Design;

/* ---- Options ---- */

static gboolean
refuse (const char *option, GError *error)
{
  kml_usage_error ("reserve", "%s: %s", option, error->message);
  g_error_free (error);
  return FALSE;
}

static gboolean
read_load (Wishes *wishes)
{
  GError *error = NULL;

  if (options.rate == NULL || options.holding == NULL) {
    kml_usage_error ("reserve", "--rate and --holding are needed: how often an object is asked "
                                "for, and for how long");
    return FALSE;
  }
  if (!kml_parse_rate (options.rate, &wishes->rate, &error))
    return refuse ("--rate", error);
  if (!kml_parse_time (options.holding, &wishes->holding, &error))
    return refuse ("--holding", error);
  if (wishes->rate == 0 || wishes->rate > 1000000000000) {
    kml_usage_error ("reserve", "--rate: expected a rate from 1/s to 1/ps");
    return FALSE;
  }
  if (wishes->holding == 0 || wishes->holding > 3600 * KML_S) {
    kml_usage_error ("reserve", "--holding: expected a time above 0, and at most an hour");
    return FALSE;
  }
  wishes->load = (double)wishes->rate * (double)wishes->holding / (double)KML_S;
  return TRUE;
}

static gboolean
read_wishes (Wishes *wishes)
{
  GError *error = NULL;

  *wishes = (Wishes){ .n_cpus = 1, .n_requests = DEFAULT_REQUESTS, .seed = 1 };
  if (!read_load (wishes))
    return FALSE;
  if (!kml_parse_real (options.target != NULL ? options.target : DEFAULT_TARGET, &wishes->target,
                       &error))
    return refuse ("--target", error);
  if (!(wishes->target >= 1e-12 && wishes->target < 1.0)) {
    kml_usage_error ("reserve", "--target: expected a probability such as 1e-3, from 1e-12 to "
                                "less than 1");
    return FALSE;
  }
  return kml_option_count ("reserve", "--cpus", options.cpus, 1, KML_MAX_CPUS, &wishes->n_cpus) &&
         kml_option_count ("reserve", "--burst", options.burst, 2, 1000000, &wishes->n_burst) &&
         kml_option_count ("reserve", "--requests", options.requests, KML_LOSS_BATCHES, 1000000000,
                           &wishes->n_requests) &&
         kml_option_count ("reserve", "--seed", options.seed, 0, G_MAXINT64, &wishes->seed);
}

/* ---- Working it out ---- */

/* The same rate, in bursts of n_burst at equal distances. */
static KmlArrivals
bursts_of (const Wishes *wishes)
{
  const unsigned __int128 gap = (unsigned __int128)wishes->n_burst * KML_S / wishes->rate;

  return (
      KmlArrivals){ .kind = KML_ARRIVALS_BURSTS, .gap = (guint64)gap, .n_burst = wishes->n_burst };
}

static KmlArrivals
poisson_of (const Wishes *wishes)
{
  g_autofree char *text = g_strdup_printf ("poisson(%" G_GUINT64_FORMAT "/s)", wishes->rate);
  KmlArrivals arrivals = { 0 };
  const gboolean ok = kml_arrivals_parse (text, &arrivals, NULL);

  g_assert (ok);
  return arrivals;
}

static void
simulate (const Wishes *wishes, Design *design)
{
  KmlLossConfig config = { .arrivals = poisson_of (wishes),
                           .holding = wishes->holding,
                           .n_pools = design->n_pools,
                           .size = design->size,
                           .n_requests = wishes->n_requests,
                           .seed = wishes->seed };

  for (config.law = 0; config.law < KML_N_HOLDINGS; config.law++)
    kml_loss_simulate (&config, &design->losses[config.law]);
  if (wishes->n_burst > 0) {
    config.arrivals = bursts_of (wishes);
    config.law = KML_HOLDING_EXPONENTIAL;
    kml_loss_simulate (&config, &design->burst);
  }
}

/* FALSE after the mistake has been said. */
static gboolean
work_out (const Wishes *wishes, const char *name, guint64 n_pools, Design *ret_design)
{
  const double load = wishes->load / (double)n_pools;
  Design design = { .name = name, .n_pools = n_pools };

  design.size = kml_erlang_size (load, wishes->target, MAX_SIZE);
  design.expected = kml_erlang_b (load, design.size);
  if (design.expected > wishes->target) {
    kml_usage_error ("reserve",
                     "a load of %g objects in use would need a reserve of more than "
                     "%" G_GUINT64_FORMAT " objects: that is no emergency reserve",
                     load, MAX_SIZE);
    return FALSE;
  }
  simulate (wishes, &design);
  *ret_design = design;
  return TRUE;
}

/* ---- Showing it ---- */

static char *
format_loss (const KmlLoss *loss)
{
  return g_strdup_printf ("%.3g ± %.1g", loss->share, loss->error);
}

static void
print_table (const Wishes *wishes, const Design *designs, guint n)
{
  g_autoptr (KmlTable) table = kml_table_new ();
  g_autofree char *burst = g_strdup_printf ("bursts of %" G_GUINT64_FORMAT, wishes->n_burst);

  kml_table_add_column (table, "reserve", KML_ALIGN_LEFT);
  kml_table_add_column (table, "stashes", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "objects each", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "in all", KML_ALIGN_RIGHT);
  kml_table_add_column (table, "P(fail)", KML_ALIGN_RIGHT);
  for (guint law = 0; law < KML_N_HOLDINGS; law++)
    kml_table_add_column (table, kml_holding_names[law], KML_ALIGN_RIGHT);
  if (wishes->n_burst > 0)
    kml_table_add_column (table, burst, KML_ALIGN_RIGHT);
  for (guint i = 0; i < n; i++) {
    const Design *design = &designs[i];

    kml_table_add_cell (table, g_strdup (design->name));
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, design->n_pools));
    kml_table_add_cell (table, g_strdup_printf ("%" G_GUINT64_FORMAT, design->size));
    kml_table_add_cell (table,
                        g_strdup_printf ("%" G_GUINT64_FORMAT, design->n_pools * design->size));
    kml_table_add_cell (table, g_strdup_printf ("%.3g", design->expected));
    for (guint law = 0; law < KML_N_HOLDINGS; law++)
      kml_table_add_cell (table, format_loss (&design->losses[law]));
    if (wishes->n_burst > 0)
      kml_table_add_cell (table, format_loss (&design->burst));
  }
  kml_out ("Load: %g objects in use on average; at most %g of the requests may fail.\n\n",
           wishes->load, wishes->target);
  kml_table_print (table);
  kml_out (
      "\nP(fail) is Erlang's; fixed, exponential and skewed holding times are simulated (± one "
      "standard error).\n");
}

static void
add_loss_json (JsonBuilder *builder, const char *name, const KmlLoss *loss)
{
  kml_json_begin_object (builder, name);
  kml_json_count (builder, "requests", loss->n_requests);
  kml_json_count (builder, "lost", loss->n_lost);
  kml_json_number (builder, "share", loss->share);
  kml_json_number (builder, "error", loss->error);
  json_builder_end_object (builder);
}

static void
print_json (const Wishes *wishes, const Design *designs, guint n)
{
  JsonBuilder *builder = kml_json_new ("reserve/1");

  kml_json_number (builder, "load", wishes->load);
  kml_json_number (builder, "target", wishes->target);
  kml_json_begin_array (builder, "designs");
  for (guint i = 0; i < n; i++) {
    json_builder_begin_object (builder);
    kml_json_text (builder, "reserve", designs[i].name);
    kml_json_count (builder, "stashes", designs[i].n_pools);
    kml_json_count (builder, "size", designs[i].size);
    kml_json_count (builder, "objects", designs[i].n_pools * designs[i].size);
    kml_json_number (builder, "erlang", designs[i].expected);
    for (guint law = 0; law < KML_N_HOLDINGS; law++)
      add_loss_json (builder, kml_holding_names[law], &designs[i].losses[law]);
    if (wishes->n_burst > 0)
      add_loss_json (builder, "bursts", &designs[i].burst);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  kml_json_print (builder);
}

static int
run (char **arguments)
{
  Wishes wishes;
  Design designs[2];
  guint n = 1;

  if (arguments[0] != NULL) {
    g_autofree char *quoted = kml_quote (arguments[0], -1);

    return kml_usage_error ("reserve", "%s is one argument too many: there are only options",
                            quoted);
  }
  if (!read_wishes (&wishes) || !work_out (&wishes, "shared", 1, &designs[0]))
    return KML_EXIT_INPUT;
  if (wishes.n_cpus > 1 && !work_out (&wishes, "per-cpu", wishes.n_cpus, &designs[n++]))
    return KML_EXIT_INPUT;
  if (options.json) {
    print_json (&wishes, designs, n);
    return KML_EXIT_DONE;
  }
  print_table (&wishes, designs, n);
  if (wishes.n_burst == 0)
    kml_note ("Next: the same with --burst 32, as when interrupts come together");
  else
    kml_note ("Next: kmemlab list allocators");
  return KML_EXIT_DONE;
}

static const GOptionEntry entries[] = {
  { "rate", 0, 0, G_OPTION_ARG_STRING, &options.rate,
    "How often an object is asked for, on all CPUs together", "RATE" },
  { "holding", 0, 0, G_OPTION_ARG_STRING, &options.holding,
    "How long it is missing on average: until it is given back or replaced", "TIME" },
  { "target", 0, 0, G_OPTION_ARG_STRING, &options.target,
    "The share of requests that may fail (default: " DEFAULT_TARGET ")", "SHARE" },
  { "cpus", 0, 0, G_OPTION_ARG_STRING, &options.cpus,
    "Compare with a stash for each of N CPUs (default: 1)", "N" },
  { "burst", 0, 0, G_OPTION_ARG_STRING, &options.burst,
    "Also simulate the same rate in bursts of N, each on one CPU", "N" },
  { "requests", 0, 0, G_OPTION_ARG_STRING, &options.requests,
    "Simulate so many requests (default: 320000)", "N" },
  { "seed", 0, 0, G_OPTION_ARG_STRING, &options.seed, "Begin all randomness here", "N" },
  { "json", 0, 0, G_OPTION_ARG_NONE, &options.json, "Print one JSON document", NULL },
  { NULL },
};

static const KmlCommand command = {
  .name = "reserve",
  .summary = "Say how large an emergency reserve must be",
  .usage = "--rate RATE --holding TIME [OPTION]…",
  .details =
      "A request that may not wait takes an object of the reserve, which is missing until it has "
      "been "
      "given back or replaced. If requests come independently of each other, the share that finds "
      "nothing is "
      "Erlang's B, whatever the law of the times. One reserve for all needs fewer objects than one "
      "for each CPU, but a lock.",
  .examples = { "reserve --rate 1000000/s --holding 64us --cpus 16",
                "reserve --rate 50000/s --holding 200us --target 1e-6 --burst 32" },
  .options = entries,
  .max_arguments = 0,
  .run = run,
};

KML_REGISTER_COMMAND (command)
