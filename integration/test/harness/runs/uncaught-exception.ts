it('passes, and a timer that it left throws later', () => {
  setTimeout(() => {
    throw new Error('thrown late');
  }, 20);
});

it('is the next', (done) => {
  setTimeout(done, 60);
});
