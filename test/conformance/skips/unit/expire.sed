# 7.2 logs a SET that has PXAT as it came; 7.0 writes it anew.
s/\{set foo4 bar PXAT \*\}/{set foo4 bar pxat *}/
