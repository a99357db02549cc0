package hello

// maxSessionID is the longest session id in bytes (RFC 5246 section 7.4.1.2).
const maxSessionID = 32

// SessionID is the session id of a hello. Two of them can be compared with ==.
type SessionID struct {
	bytes [maxSessionID]byte
	size  uint8
}

// Len returns the id's length in bytes: 0 if the hello has none.
func (id SessionID) Len() int { return int(id.size) }

func (s *span) sessionID(out *SessionID) error {
	var id span
	if err := s.vector8(&id); err != nil {
		return err
	}
	if len(id.have)+id.missing > maxSessionID {
		return ErrMalformed
	}
	if id.missing > 0 {
		return errCut
	}
	out.size = uint8(copy(out.bytes[:], id.have))
	return nil
}
