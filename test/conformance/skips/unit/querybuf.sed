# A client that sent whole commands has no query buffer: it is read into one that all
# share. One that is in the middle of a command has, and that must shrink all the same.
/query buffer resized correctly"/,/^    }/ {
    s/^( *)\$rd client setname test_client/&\n\1$rd write "*3\\r\\n\\$3\\r\\nset\\r\\n\\$1\\r\\nx\\r\\n"\n\1$rd flush\n\1wait_for_condition 50 10 { [client_query_buffer test_client] > 0 } else { fail "no query buffer" }/
    s/\[client_query_buffer test_client\] == 0$/\[client_query_buffer test_client] < 64/
}
/query buffer resized correctly when not idle/,/^    }/ {
    s/^( *)\$rd set x \[string repeat A 400000\]/\1$rd write "*3\\r\\n\\$3\\r\\nset\\r\\n\\$1\\r\\nx\\r\\n\\$400000\\r\\n[string repeat A 399999]"\n\1$rd flush\n\1wait_for_condition 50 10 { [client_query_buffer test_client] > 32768 } else { fail "no query buffer" }/
    s/^( *)# Wait for qbuf to shrink.*/\1$rd write "A\\r\\n"; $rd flush; $rd read/
    s/> 0 \&\& (\[client_query_buffer test_client\] < \$orig)/== 0 \&\& \1/
}
