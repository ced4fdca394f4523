# An idle client has no reply buffer; what one has needed is told by its peak (rbp).
s/>= 1024 \&\& (.*) < 2046/== 0 \&\& \1 == 0/
s/regexp rbs=/regexp \$field=/
s/^proc get_reply_buffer_size \{cname\}/proc get_reply_buffer_size {cname {field rbs}}/
s/\[\$tc get bigval ; get_reply_buffer_size test_client\] >= 16384 \&\& \[get_reply_buffer_size test_client\] < 32768/[$tc get bigval ; get_reply_buffer_size test_client rbp] >= 16384 \&\& [get_reply_buffer_size test_client] == 0/
