# The rest of a long argument is read, and room made for it, in the next turn of the loop.
s/set tot_mem \[client_field \$cname tot-mem\]/after 100; &/
s/^( *)assert \{!\[client_exists/\1after 100; &/
# The words before a long argument stay in the buffer, and are counted in qbuf.
s/== \$qbsize/>= $qbsize/
s/^( *)set client_mem \[client_field client-\$i/\1after 100; &/
# A client that is to be closed is listed until the turn is over.
s/# Validate obuf-clients were disconnected.*/after 200/
