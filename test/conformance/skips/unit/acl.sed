# 7.2 shows sanitize-payload, which is the default.
s/on nopass resetchannels &foo/on nopass sanitize-payload resetchannels \&foo/
# 7.2 says "No permissions to access a channel".
s/\*NOPERM\*channels\*/*NOPERM*channel*/
# 7.2 names the user in what DRYRUN answers.
s/assert_equal "This user has/assert_match "User * has/
# 7.2 keeps rules about commands in the order in which they came, those included that change nothing.
/engulfed to \+@all/,/assert_equal/s/assert_equal \{\+@all\}/assert_equal {+@all +client|id}/
