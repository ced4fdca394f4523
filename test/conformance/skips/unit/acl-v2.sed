# 7.2 says "No permissions to access a key".
s/\*NOPERM\*keys\*/*NOPERM*key*/
s/NOPERM this user has no permissions to access one of the keys used as arguments/NOPERM No permissions to access a key/
# 7.2 names the user in what DRYRUN answers.
s/assert_equal "This user has/assert_match "User * has/
