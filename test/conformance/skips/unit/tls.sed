# Go's TLS has not this one; what the test is about holds for any other, too.
s/AES256-SHA256/AES256-GCM-SHA384/
