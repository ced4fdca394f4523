package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"redisd/internal/vfs"
	"redisd/pkg/acl"
	"redisd/pkg/config"
	"redisd/pkg/persist/aof"
)

// Here: users come from the configuration or from an ACL file, and go back there.

// userLine is what the configuration says about a user.
type userLine struct {
	file string // the source that says it
	text string // the user that it gave, as User.Line
}

// loadUsers makes the users, at the start.
func (s *Server) loadUsers() error {
	a := s.acl
	a.lines = map[string]userLine{}
	for _, l := range s.cfg.Lines(config.User) {
		name := l.Args[0]
		if _, twice := a.lines[name]; twice {
			return userError(l, acl.ErrDuplicate)
		}
		u, err := a.users.Define(name, l.Args[1:])
		if err != nil {
			return userError(l, err)
		}
		if !u.Enabled() {
			s.log.Noticef("The user '%s' is disabled (there is no 'on' modifier in the user description). Make sure this is not a configuration error.", name)
		}
		a.lines[name] = userLine{l.File, u.Line()}
	}
	if s.cfg.String(config.ACLFile) != "" {
		if err := a.loadFile(); err != nil {
			return fmt.Errorf("Aborting Redis startup because of ACL errors: %w", err)
		}
		return nil
	}
	s.cfg.Users = a.configLines
	return nil
}

// userError points at a line of the configuration without its rules, which hold
// passwords. Only an unknown command is named.
func userError(l config.Line, err error) error {
	l.Text = "user " + l.Args[0]
	var rule *acl.RuleError
	if errors.As(err, &rule) && !errors.Is(err, acl.ErrUnknown) {
		err = rule.Err
	}
	return l.Error(err.Error())
}

// loadFile replaces the users by those of the ACL file, or leaves them all as they
// are.
func (a *accessControl) loadFile() error {
	s, path := a.srv, a.srv.cfg.String(config.ACLFile)
	text, err := vfs.ReadFile(s.opt.FS, path)
	if err != nil {
		return fmt.Errorf("Error loading ACLs, opening file '%s': %s", path, aof.Strerror(err))
	}
	gone, err := a.users.Load(path, string(text))
	if err != nil {
		return err
	}
	a.dropUsers(gone...)
	a.dropSubscribers(a.users.Default)
	return nil
}

// saveFile writes the users into the ACL file: into a file beside it, which is synced
// and takes its place, so that a crash leaves the old one or the new one whole.
func (a *accessControl) saveFile() error {
	fsys, path := a.srv.opt.FS, a.srv.cfg.String(config.ACLFile)
	perm := os.FileMode(0o640) // it holds hashes of passwords
	if fi, err := fsys.Stat(path); err == nil {
		perm = fi.Mode().Perm()
	}
	tmp := path + ".save"
	if err := fsys.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %s, left by a crash: %w", tmp, err)
	}
	err := vfs.WriteNew(fsys, tmp, []byte(a.users.Lines()), perm)
	if err == nil {
		err = fsys.Rename(tmp, path)
	}
	if err != nil {
		_ = fsys.Remove(tmp) // it may not be there
		return err
	}
	return fsys.SyncDir(filepath.Dir(path))
}

// configLines tells CONFIG REWRITE the users that the configuration file is to
// define. The default user is left out as long as requirepass says all about it, and
// so is what another source, such as an included file, says and goes on saying.
func (a *accessControl) configLines() ([]config.UserLine, error) {
	var list []config.UserLine
	main := a.srv.cfg.File()
	foreign := func(l userLine, name string) error {
		return fmt.Errorf("the user %s is defined by %s, which CONFIG REWRITE does not change", name, l.file)
	}
	plain := acl.NewUsersLike(a.users)
	plain.SetDefaultPassword(a.srv.cfg.String(config.RequirePass))
	for _, u := range a.users.List() {
		line, ok := a.lines[u.Name]
		text := u.Line()
		switch {
		case !ok && u == a.users.Default && text == plain.Default.Line():
		case ok && line.file != main && line.text == text:
		case ok && line.file != main:
			return nil, foreign(line, u.Name)
		default:
			list = append(list, config.UserLine{Name: u.Name, Text: text, Same: ok && line.text == text})
		}
	}
	for name, line := range a.lines {
		if line.file != main && a.users.Find(name) == nil {
			return nil, foreign(line, name)
		}
	}
	return list, nil
}

// rewriteConfig is CONFIG REWRITE; all writes every directive.
func (s *Server) rewriteConfig(all bool) error {
	rewrite := s.cfg.Rewrite
	if all {
		rewrite = s.cfg.RewriteAll
	}
	if err := rewrite(); err != nil || s.cfg.Users == nil {
		return err
	}
	// What the file says now is what is there.
	main := s.cfg.File()
	written, err := s.acl.configLines()
	if err != nil {
		return err
	}
	for name, l := range s.acl.lines {
		if l.file == main && !slices.ContainsFunc(written, func(u config.UserLine) bool { return u.Name == name }) {
			delete(s.acl.lines, name)
		}
	}
	for _, u := range written {
		s.acl.lines[u.Name] = userLine{main, u.Text}
	}
	return nil
}
