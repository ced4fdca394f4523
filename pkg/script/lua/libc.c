/* Numbers as text, faster than the C library where they are short; and what it has,
 * and a script must not: files and streams. Lua's own functions that use those are not
 * reachable, but they are linked. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#undef strtod
double strtod(const char *s, char **end);

/* put_digits writes u before the place e. */
static char *put_digits(char *e, unsigned long long u) {
  do {
    *--e = (char)('0' + u % 10);
    u /= 10;
  } while (u);
  return e;
}

/* Fourteen digits are all that is written: what is a whole number of ten thousandths,
 * below 1e14 of them, has no more, and the product is off by less than the last. */
int vm_number2str(char *s, double n) {
  char t[24], *e = t + sizeof t, *at = e;
  if (n > -1e14 && n < 1e14) {
    long long v = (long long)n;
    double scaled = n * 1e4;
    if ((double)v == n && (v != 0 || 1 / n > 0)) {
      at = put_digits(e, v < 0 ? -(unsigned long long)v : (unsigned long long)v);
    } else if (scaled > -1e14 && scaled < 1e14 && (v = (long long)scaled) != 0 && (double)v == scaled) {
      unsigned long long u = v < 0 ? -(unsigned long long)v : (unsigned long long)v;
      unsigned fraction = (unsigned)(u % 10000), digits = 4;
      for (; fraction % 10 == 0; digits--) fraction /= 10;
      for (; digits; digits--, fraction /= 10) *--at = (char)('0' + fraction % 10);
      *--at = '.';
      at = put_digits(at, u / 10000);
    }
    if (at != e) {
      if (v < 0) *--at = '-';
      size_t len = (size_t)(e - at);
      memcpy(s, at, len);
      s[len] = 0;
      return (int)len;
    }
  }
  return sprintf(s, "%.14g", n);
}

/* vm_strtod reads what has up to fifteen digits itself: such a number and a power of
 * ten up to 1e15 are exact, so their quotient is the nearest. */
double vm_strtod(const char *s, char **end) {
  static const double powers[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
  const char *p = s + (*s == '-');
  long long v = 0;
  int digits = 0, point = -1;
  for (;; p++) {
    unsigned d = (unsigned)(*p - '0');
    if (d < 10) {
      v = v * 10 + d;
      if (++digits > 15) return strtod(s, end);
    } else if (*p == '.' && point < 0) {
      point = digits;
    } else {
      break;
    }
  }
  /* An exponent, a number in hexadecimal or none at all: the library's. */
  char lower = (char)(*p | 0x20);
  if (digits == 0 || point == digits || lower == 'e' || lower == 'x') return strtod(s, end);
  double n = point < 0 ? (double)v : (double)v / powers[digits - point];
  if (end) *end = (char *)p;
  return *s == '-' ? -n : n;
}

FILE *fopen(const char *restrict p, const char *restrict m) { return NULL; }
FILE *freopen(const char *restrict p, const char *restrict m, FILE *restrict f) { return NULL; }
int fclose(FILE *f) { return 0; }
int getc(FILE *f) { return EOF; }
int ungetc(int c, FILE *f) { return EOF; }
int ferror(FILE *f) { return 0; }
size_t fread(void *restrict p, size_t a, size_t b, FILE *restrict f) { return 0; }
int fputs(const char *restrict s, FILE *restrict f) { return 0; }
int fputc(int c, FILE *f) { return 0; }
int fprintf(FILE *restrict f, const char *restrict fmt, ...) { return 0; }
void exit(int code) { __builtin_trap(); }
void abort(void) { __builtin_trap(); }
