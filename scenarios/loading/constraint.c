/* constraint.c: which combinations of a sweep are run.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 *   expression := term { "or" term }
 *   term       := factor { "and" factor }
 *   factor     := "not" factor | "(" expression ")" | key operator value
 *   operator   := "=" | "==" | "!=" | "<" | "<=" | ">" | ">="
 *   value      := a word, or "anything in quotes"
 *
 * A value is read as the setting's own type, so `machine.ram >= 1GiB` compares
 * bytes. A comparison with a setting that a combination does not have (a
 * parameter of another allocator) is false, whatever the operator.
 *
 * A million combinations are asked, so a comparison is compiled into the table
 * of its answers: one for each plug-in of the setting's section and alternative
 * of the setting.
 */

#include "scenarios/loading/scenario-private.h"

#include <string.h>

#include "simcore/base/units.h"

#define MAX_DEPTH       64 /* of parentheses and "not" */
#define MAX_COMPARISONS 256

typedef enum {
  NODE_AND,
  NODE_OR,
  NODE_NOT,
  NODE_COMPARISON
} NodeKind;

typedef struct _Node Node;

struct _Node {
  NodeKind kind;
  Node *left;  /* (owned) (nullable) */
  Node *right; /* (owned) (nullable) */
  const KmlEntry *entry;
  guint n_alternatives;
  guint8 *truth; /* (owned) (nullable): [choice * n_alternatives + alternative] */
};

struct _KmlConstraint {
  Node *root; /* (owned) */
};

typedef enum {
  OP_EQ,
  OP_NE,
  OP_LT,
  OP_LE,
  OP_GT,
  OP_GE
} Operator;

typedef enum {
  TOKEN_END,
  TOKEN_WORD,
  TOKEN_QUOTED,
  TOKEN_OPERATOR,
  TOKEN_OPEN,
  TOKEN_CLOSE,
  TOKEN_BAD
} TokenKind;

typedef struct {
  KmlScenario *scenario;
  const KmlAssignment *assignment;
  const char *at; /* behind the current token */
  guint depth, n_comparisons;
  TokenKind kind; /* of the current token */
  const char *start;
  char *text; /* (owned): of a word, or what is in the quotes */
  Operator op;
} Parser;

static Node *parse_expression (Parser *self);

static void
node_free (Node *self)
{
  if (self == NULL)
    return;
  node_free (self->left);
  node_free (self->right);
  g_free (self->truth);
  g_free (self);
}

static Node *
node_new (NodeKind kind, Node *left, Node *right)
{
  Node *self = g_new0 (Node, 1);

  self->kind = kind;
  self->left = left;
  self->right = right;
  return self;
}

/* ---- Tokens ---- */

static KmlPlace
place_of (const Parser *self, const char *at)
{
  return kml_assignment_place (self->assignment, (gsize)(at - self->assignment->text));
}

static gboolean
is_word_char (char c)
{
  return c != '\0' && strchr (" \t()\"=!<>", c) == NULL;
}

static gboolean
scan_operator (Parser *self)
{
  static const struct {
    const char *text;
    Operator op;
  } operators[] = { { "==", OP_EQ }, { "!=", OP_NE }, { "<=", OP_LE }, { ">=", OP_GE },
                    { "=", OP_EQ },  { "<", OP_LT },  { ">", OP_GT } };

  for (guint i = 0; i < G_N_ELEMENTS (operators); i++) {
    if (g_str_has_prefix (self->at, operators[i].text)) {
      self->at += strlen (operators[i].text);
      self->op = operators[i].op;
      return TRUE;
    }
  }
  return FALSE;
}

static TokenKind
scan_text (Parser *self)
{
  const gboolean is_quoted = *self->at == '"';
  const char *start = self->at + (is_quoted ? 1 : 0);
  const char *end = start;

  while (is_quoted ? *end != '"' && *end != '\0' : is_word_char (*end))
    end++;
  if (is_quoted ? *end == '\0' : end == start)
    return TOKEN_BAD;
  g_free (self->text);
  self->text = g_strndup (start, (gsize)(end - start));
  self->at = end + (is_quoted ? 1 : 0);
  return is_quoted ? TOKEN_QUOTED : TOKEN_WORD;
}

static void
advance (Parser *self)
{
  while (*self->at == ' ' || *self->at == '\t')
    self->at++;
  self->start = self->at;
  if (*self->at == '\0')
    self->kind = TOKEN_END;
  else if (*self->at == '(' || *self->at == ')')
    self->kind = *self->at++ == '(' ? TOKEN_OPEN : TOKEN_CLOSE;
  else if (scan_operator (self))
    self->kind = TOKEN_OPERATOR;
  else
    self->kind = scan_text (self);
}

static gboolean
is_keyword (const Parser *self, const char *keyword)
{
  return self->kind == TOKEN_WORD && g_str_equal (self->text, keyword);
}

/* (always NULL) */
static Node *
expected (Parser *self, const char *what)
{
  g_autofree char *quoted = kml_quote (self->start, -1);

  kml_scenario_problem (self->scenario, place_of (self, self->start),
                        "constraint: expected %s, not %s", what,
                        self->kind == TOKEN_END ? "the end" : quoted);
  return NULL;
}

/* ---- Comparisons ---- */

static gboolean
holds (Operator op, int order)
{
  switch (op) {
  case OP_EQ:
    return order == 0;
  case OP_NE:
    return order != 0;
  case OP_LT:
    return order < 0;
  case OP_LE:
    return order <= 0;
  case OP_GT:
    return order > 0;
  case OP_GE:
    return order >= 0;
  }
  g_assert_not_reached ();
}

/* What @text, or its default, is to @param, compared with @literal. */
static gboolean
compare (const KmlParam *param, const char *text, Operator op, const char *literal)
{
  KmlValue left, right;
  gboolean result;

  if (text == NULL || !kml_value_parse (param, text, &left, NULL))
    return FALSE;
  if (!kml_value_parse (param, literal, &right, NULL)) {
    kml_value_clear (&left);
    return FALSE;
  }
  result = holds (op, kml_value_compare (&left, &right));
  kml_value_clear (&left);
  kml_value_clear (&right);
  return result;
}

static Node *
compile (const KmlEntry *entry, Operator op, const char *literal)
{
  const KmlSection *section = entry->section;
  const guint n = entry->alternatives != NULL ? entry->alternatives->len : 1;
  Node *node = node_new (NODE_COMPARISON, NULL, NULL);

  node->entry = entry;
  node->n_alternatives = n;
  node->truth = g_new0 (guint8, (gsize)n * section->chosen->len + 1);
  for (guint choice = 0; choice < section->chosen->len; choice++) {
    const KmlParam *param = kml_section_find_param (
        section, g_ptr_array_index (section->chosen, choice), entry->name);

    for (guint i = 0; param != NULL && i < n; i++)
      node->truth[(gsize)choice * n + i] = compare (
          param,
          entry->alternatives != NULL ? g_array_index (entry->alternatives, KmlAlternative, i).text
                                      : param->value,
          op, literal);
  }
  return node;
}

/* A misspelt plug-in's name would never be equal to anything. */
static gboolean
check_literal (Parser *self, const KmlEntry *entry, const KmlParam *param, Operator op,
               const char *literal, KmlPlace place)
{
  const KmlSection *section = entry->section;
  g_autoptr (GError) error = NULL;
  g_autofree char *quoted = NULL;
  KmlValue value;

  if (op != OP_EQ && op != OP_NE && !kml_value_is_ordered (param)) {
    kml_scenario_problem (self->scenario, place,
                          "constraint: %s is not a number; only = and != say something about it",
                          entry->key);
    return FALSE;
  }
  if (!kml_value_parse (param, literal, &value, &error)) {
    kml_scenario_problem (self->scenario, place, "constraint: %s: %s", entry->key, error->message);
    return FALSE;
  }
  kml_value_clear (&value);
  if (g_strcmp0 (section->info->chooser, entry->name) == 0 &&
      kml_schema_find_plugin (section->plugins, literal) == NULL) {
    quoted = kml_quote (literal, -1);
    kml_scenario_problem (self->scenario, place, "constraint: unknown %s %s", entry->name, quoted);
    return FALSE;
  }
  return TRUE;
}

static Node *
parse_comparison (Parser *self)
{
  const KmlPlace key_place = place_of (self, self->start);
  KmlPlace place;
  KmlEntry *entry;
  const KmlParam *param;
  Operator op;

  if (self->kind != TOKEN_WORD)
    return expected (self, "a comparison such as machine.cpus <= 8");
  if (++self->n_comparisons > MAX_COMPARISONS)
    return expected (self, "fewer comparisons");
  entry = kml_scenario_refer (self->scenario, self->text, key_place);
  param = entry != NULL ? kml_entry_check_key (self->scenario, entry, key_place) : NULL;
  if (param == NULL)
    return NULL;
  advance (self);
  if (self->kind != TOKEN_OPERATOR)
    return expected (self, "one of = != < <= > >=");
  op = self->op;
  advance (self);
  if (self->kind != TOKEN_WORD && self->kind != TOKEN_QUOTED)
    return expected (self, "a value");
  place = place_of (self, self->start);
  if (!check_literal (self, entry, param, op, self->text, place))
    return NULL;
  return compile (entry, op, self->text);
}

/* ---- Expressions ---- */

static Node *
parse_factor (Parser *self)
{
  Node *node;

  if (self->depth >= MAX_DEPTH)
    return expected (self, "a simpler expression: this one is nested too deeply");
  if (is_keyword (self, "not")) {
    advance (self);
    self->depth++;
    node = parse_factor (self);
    self->depth--;
    return node != NULL ? node_new (NODE_NOT, node, NULL) : NULL;
  }
  if (self->kind != TOKEN_OPEN) {
    node = parse_comparison (self);
    if (node != NULL)
      advance (self);
    return node;
  }

  advance (self);
  self->depth++;
  node = parse_expression (self);
  self->depth--;
  if (node != NULL && self->kind != TOKEN_CLOSE) {
    node_free (node);
    return expected (self, "“)”, and, or");
  }
  if (node != NULL)
    advance (self);
  return node;
}

static Node *
parse_term (Parser *self)
{
  Node *left = parse_factor (self);

  while (left != NULL && is_keyword (self, "and")) {
    Node *right;

    advance (self);
    right = parse_factor (self);
    if (right == NULL) {
      node_free (left);
      return NULL;
    }
    left = node_new (NODE_AND, left, right);
  }
  return left;
}

static Node *
parse_expression (Parser *self)
{
  Node *left = parse_term (self);

  while (left != NULL && is_keyword (self, "or")) {
    Node *right;

    advance (self);
    right = parse_term (self);
    if (right == NULL) {
      node_free (left);
      return NULL;
    }
    left = node_new (NODE_OR, left, right);
  }
  return left;
}

KmlConstraint *
kml_constraint_new (KmlScenario *scenario, const KmlAssignment *assignment)
{
  Parser parser = { .scenario = scenario, .assignment = assignment, .at = assignment->text };
  KmlConstraint *self;
  Node *root;

  advance (&parser);
  root = parse_expression (&parser);
  if (root != NULL && parser.kind != TOKEN_END) {
    expected (&parser, "and, or, or the end");
    g_clear_pointer (&root, node_free);
  }
  g_free (parser.text);
  if (root == NULL)
    return NULL;
  self = g_new0 (KmlConstraint, 1);
  self->root = root;
  return self;
}

void
kml_constraint_free (KmlConstraint *self)
{
  if (self == NULL)
    return;
  node_free (self->root);
  g_free (self);
}

/* ---- Asking ---- */

static gboolean
is_true (const Node *node, const guint *digits)
{
  switch (node->kind) {
  case NODE_AND:
    return is_true (node->left, digits) && is_true (node->right, digits);
  case NODE_OR:
    return is_true (node->left, digits) || is_true (node->right, digits);
  case NODE_NOT:
    return !is_true (node->left, digits);
  case NODE_COMPARISON:
    return node
        ->truth[(gsize)kml_section_choice (node->entry->section, digits) * node->n_alternatives +
                kml_entry_alternative (node->entry, digits)];
  }
  g_assert_not_reached ();
}

gboolean
kml_constraint_allows (const KmlConstraint *self, const guint *digits)
{
  return is_true (self->root, digits);
}
