/* core/check/ksyms.c by itself, where a kernel has nothing for it to resolve:
 *
 *	ksyms matches PATTERN NAME...              the names that match, one a line
 *	ksyms select PATTERN TRACEABLE [KALLSYMS]  the addresses, one a line; or the error number
 */
#include "../../core/check/ksyms.c"

int main(int argc, char **argv)
{
	unsigned long *addrs;
	size_t cnt;
	int err;

	if (argc > 3 && strcmp(argv[1], "matches") == 0) {
		for (int i = 3; i < argc; i++)
			if (ksyms_matches(argv[i], argv[2]))
				puts(argv[i]);
		return 0;
	}
	if (argc > 3 && strcmp(argv[1], "select") == 0) {
		FILE *traceable = fopen(argv[3], "re");
		FILE *kallsyms = argc > 4 ? fopen(argv[4], "re") : NULL;

		if (!traceable || (argc > 4 && !kallsyms))
			return 2;
		err = ksyms_select(traceable, kallsyms, argv[2], &addrs, &cnt);
		if (err)
			printf("%d\n", -err);
		for (size_t i = 0; i < cnt && !err; i++)
			printf("%lx\n", addrs[i]);
		free(addrs);
		fclose(traceable);
		if (kallsyms)
			fclose(kallsyms);
		return 0;
	}
	return 2;
}
