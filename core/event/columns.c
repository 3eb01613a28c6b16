#include "event/columns.h"

#include "event/type.h"

/* In the list of lists: how many events they have. */
enum { FILLED = 0 };

/* Writes the events into the lists from FIRST on. Returns how many, and in *END where the next
 * event is: they are not consumed yet, for an error here is no fault of theirs.
 */
static size_t write_columns(lua_State *L, struct batch *b, int names, int first, int width,
			    size_t limit, int32_t *end)
{
	const struct batch_places at = {.names = names};
	struct batch_event e;
	int32_t after;
	size_t n = 0;

	for (*end = b->cursor.next; n < limit; *end = after) {
		after = batch_read(b, *end, &e);
		if (!after || e.is_news || b->kind->columns(b, &e) != width)
			break;
		n++;
		b->kind->push(L, b, &e, &at);
		for (int i = width; i-- > 0;)
			lua_rawseti(L, first + i, (int)n);
	}
	return n;
}

/* Removes what the call before this has left behind the N events, so that a list has N elements. */
static void end_columns(lua_State *L, int lists, int first, int width, size_t n)
{
	size_t before;

	lua_rawgeti(L, lists, FILLED);
	before = (size_t)lua_tointeger(L, -1);
	lua_pop(L, 1);
	for (; before > n; before--)
		for (int i = 0; i < width; i++) {
			lua_pushnil(L);
			lua_rawseti(L, first + i, (int)before);
		}
	lua_pushinteger(L, (lua_Integer)n);
	lua_rawseti(L, lists, FILLED);
}

size_t columns_deliver(lua_State *L, struct batch *b, int names, int fn, int width, size_t limit,
		       bool *stop)
{
	int lists = lua_gettop(L) + 1, first = lists + 1;
	int32_t end;
	size_t n;

	luaL_checkstack(L, 3 * width + LUA_MINSTACK, "too many fields");
	if (limit > COLUMNS_LONGEST)
		limit = COLUMNS_LONGEST;
	batch_push_table(L, names, BATCH_REUSED);
	for (int i = 1; i <= width; i++)
		batch_push_table(L, lists, i);
	n = write_columns(L, b, names, first, width, limit, &end);
	end_columns(L, lists, first, width, n);
	b->cursor.next = end; /* also if the function raises */
	lua_pushvalue(L, fn);
	lua_pushinteger(L, (lua_Integer)n);
	for (int i = 0; i < width; i++)
		lua_pushvalue(L, first + i);
	lua_call(L, 1 + width, 1);
	*stop = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
	lua_settop(L, lists - 1);
	return n;
}
