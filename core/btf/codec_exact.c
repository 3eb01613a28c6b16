/* Whether values say all that their bytes do: for code that makes tables itself. */
#include "btf/codec.h"
#include "btf/codec_internal.h"

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

static bool is_zero(const char *data, size_t size)
{
	return !size || (!*data && memcmp(data, data + 1, size - 1) == 0);
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

static bool check_passes(const struct codec_check *c, const char *data)
{
	size_t len;

	switch (c->kind) {
	case CHECK_STRING:
		len = strnlen(data, c->size);
		return is_zero(data + len, c->size - len);
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

int codec_says_all(const struct codec_check *checks, const char *data)
{
	for (; checks->kind; checks++)
		if (!check_passes(checks, data + checks->offset))
			return 0;
	return 1;
}
