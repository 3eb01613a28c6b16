#include "event/endpoint.h"

#include "base/fd.h"
#include "base/value.h"
#include "map/map.h"
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct endpoint *endpoints;

static bool share_a_key(const struct endpoint *a, const struct endpoint *b)
{
	if (!a->keys || !b->keys)
		return true;
	for (int i = 0; i < a->key_cnt; i++)
		for (int k = 0; k < b->key_cnt; k++)
			if (a->keys[i] == b->keys[k])
				return true;
	return false;
}

static bool claim_endpoint(struct endpoint *new)
{
	bool is_free = true;

	pthread_mutex_lock(&lock);
	for (struct endpoint *e = endpoints; e; e = e->next)
		is_free = is_free && (e->map_id != new->map_id || !share_a_key(e, new));
	if (is_free) {
		new->next = endpoints;
		endpoints = new;
	}
	pthread_mutex_unlock(&lock);
	return is_free;
}

static void give_up(struct endpoint *endpoint)
{
	struct endpoint **e = &endpoints;

	pthread_mutex_lock(&lock);
	while (*e != endpoint)
		e = &(*e)->next;
	*e = endpoint->next;
	pthread_mutex_unlock(&lock);
}

int endpoint_check(lua_State *L, int arg)
{
	if (lua_type(L, arg) == LUA_TNUMBER || fd_test(L, arg))
		return value_check_fd(L, arg);
	return bpf_map__fd(map_check_created(L, arg));
}

int endpoint_open(struct endpoint *e, int fd, enum bpf_map_type type)
{
	struct bpf_map_info info = {0};
	__u32 size = sizeof(info);
	int err = 0;

	e->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (e->fd < 0 || bpf_obj_get_info_by_fd(e->fd, &info, &size))
		err = -errno;
	else if (info.type != type)
		err = -EINVAL;
	e->map_id = info.id;
	e->max_entries = info.max_entries;
	if (!err && !claim_endpoint(e))
		err = -EBUSY;
	if (!err)
		return 0;
	if (e->fd >= 0)
		close(e->fd);
	e->fd = -1;
	return err;
}

void endpoint_keep(lua_State *L, struct endpoint *e, int arg)
{
	struct owner *object = map_owner(L, arg);

	e->object = object ? owner_ref(object) : NULL;
}

void endpoint_close(struct endpoint *e)
{
	struct owner *object = e->object;

	if (e->fd < 0)
		return;
	give_up(e);
	close(e->fd);
	e->fd = -1;
	e->object = NULL;
	if (object)
		owner_unref(object);
}

int endpoint_fail(lua_State *L, const struct frame *f, int arg, int err, const char *operation)
{
	struct bpf_map *map = map_test(L, arg);

	if (map)
		return value_fail_logged(L, f, err, "%s: map '%s'", operation, bpf_map__name(map));
	return value_fail_logged(L, f, err, "%s: map of descriptor %d", operation,
				 value_check_fd(L, arg));
}
