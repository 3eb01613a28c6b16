/* Whether values say all that their bytes do: for code that makes tables itself. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

#include <endian.h>
#include <string.h>

/* lua/lbpf/jit/expression.lua has the same. */
enum check_kind {
	CHECK_STRING = 1, /* nothing behind its zero */
	CHECK_BOOL,
	CHECK_FLOAT, /* no NaN */
	CHECK_PADDING,
	CHECK_UNSIGNED, /* an integer of 64 bits that a number holds */
	CHECK_SIGNED,
};

_Static_assert(offsetof(struct codec_check, kind) == 0 &&
		       offsetof(struct codec_check, offset) == 4 &&
		       offsetof(struct codec_check, size) == 8 &&
		       offsetof(struct codec_check, length) == 12,
	       "struct codec_check is known to compiled code");

static bool is_zero(const char *data, size_t size)
{
	return !size || (!*data && memcmp(data, data + 1, size - 1) == 0);
}

/* How many bytes of an array of char come before its first zero; -1 if any but zeros come behind.
 */
static int32_t string_length(const char *data, uint32_t size)
{
	size_t n = strnlen(data, size);

	return is_zero(data + n, size - n) ? (int32_t)n : -1;
}

static uint64_t load_word(const char *data)
{
	uint64_t word;

	memcpy(&word, data, sizeof(word));
	return le64toh(word);
}

/* How many of the word's bytes come before the first zero. */
static int bytes_before_zero(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
	uint64_t zeros = (word - ones) & ~word & highs; /* the lowest bit is that of the first */

	return zeros ? __builtin_ctzll(zeros) / 8 : 8;
}

/* The size of the kernel's names of tasks, which are in most events. */
enum { TASK_NAME = 16 };

/* The same for these, without calls of the C library, which would take longer than the rest. */
static int32_t task_name_length(const char *data)
{
	uint64_t low = load_word(data), high = load_word(data + 8);
	int n = bytes_before_zero(low);

	if (n < 8)
		return low >> (8 * n) || high ? -1 : n;
	n = bytes_before_zero(high);
	return n < 8 && high >> (8 * n) ? -1 : 8 + n;
}

static bool is_number(const char *data, uint32_t size)
{
	double d = 0;
	float f = 0;

	if (size == sizeof(f))
		memcpy(&f, data, sizeof(f));
	else
		memcpy(&d, data, sizeof(d));
	return f == f && d == d;
}

/* Sets the length of a string; one that has more behind its end leaves that of before: a finalizer
 * may come between a check and the use of the length.
 */
static bool set_length(struct codec_check *c, int32_t length)
{
	if (length < 0)
		return false;
	c->length = length;
	return true;
}

static bool check_passes(struct codec_check *c, const char *data)
{
	switch (c->kind) {
	case CHECK_STRING:
		return set_length(c, string_length(data, c->size));
	case CHECK_BOOL:
		return codec_load(data, c->size) <= 1;
	case CHECK_FLOAT:
		return is_number(data, c->size);
	case CHECK_PADDING:
		return is_zero(data, c->size);
	case CHECK_UNSIGNED:
		return codec_is_exact((double)codec_load(data, 8), codec_load(data, 8));
	case CHECK_SIGNED:
		return codec_is_exact((double)(int64_t)codec_load(data, 8), codec_load(data, 8));
	default:
		return false;
	}
}

__attribute__((noinline)) static int others_say_all(struct codec_check *checks, const char *data)
{
	for (; checks->kind; checks++)
		if (!check_passes(checks, data + checks->offset))
			return 0;
	return 1;
}

/* Of most structures the names of tasks are checked, or nothing. */
int codec_says_all(struct codec_check *checks, const char *data)
{
	for (; checks->kind == CHECK_STRING && checks->size == TASK_NAME; checks++)
		if (!set_length(checks, task_name_length(data + checks->offset)))
			return 0;
	return checks->kind ? others_say_all(checks, data) : 1;
}
