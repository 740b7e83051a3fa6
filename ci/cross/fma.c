/* mingw-w64's fma and fmaf are not rounded correctly, as Windows' own are: the processor's
   instruction stands in. Named before every other object on the link line, these win. */
__attribute__((target("fma"))) float fmaf(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
__attribute__((target("fma"))) double fma(double a, double b, double c) { return __builtin_fma(a, b, c); }
